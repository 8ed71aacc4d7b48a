/*
 * node commands.mjs MAIN COMMANDS: runs several commands of a command-line tool, each an array of its arguments in the JSON
 * that is given, one after the other in one process, since loading the compiler takes most of their time. Prints the code and
 * the output of each as JSON.
 */
const [node, , main, commands] = process.argv;
const streams = [process.stdout, process.stderr];
const writes = streams.map(({ write }) => write);
const ended = [];
for (const [i, args] of JSON.parse(commands).entries()) {
  const printed = streams.map(() => '');
  streams.forEach((stream, k) => {
    stream.write = (text) => {
      printed[k] += text;
      return true;
    };
  });
  process.argv = [node, main, ...args];
  process.exitCode = 0;
  await import(`file://${main}?${i}`);
  streams.forEach((stream, k) => {
    stream.write = writes[k];
  });
  ended.push({ code: process.exitCode, output: printed.join('') });
}
process.exitCode = 0;
process.stdout.write(JSON.stringify(ended));
