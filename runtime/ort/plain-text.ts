/** A place in ONNX Runtime's own source, up to the parameters of the function that it names. */
const PLACE = /\/onnxruntime_src\/\S+ [^()]*/;

/** The message without the places in ONNX Runtime's own source, and the C++ of the functions there. */
export function plainText(message: string): string {
  let text = message.replace(/^.*Status Message: /s, '').replace(/^Error: /, '');
  for (let place = PLACE.exec(text); place; place = PLACE.exec(text)) {
    const parameters = place.index + place[0].length;
    const signature = text.slice(endOfBrackets(text, parameters)).replace(/^(?: const)?(?: noexcept)?\s*/, '');
    const rest = signature.startsWith('[with ') ? signature.slice(endOfBrackets(signature, 0)) : signature;
    text = text.slice(0, place.index) + rest.trimStart();
  }
  return text.trim();
}

/** Where the brackets that open at a position are closed again; the end of the text if they are not. */
function endOfBrackets(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if ('(['.includes(text[i]!)) depth++;
    if (')]'.includes(text[i]!) && --depth === 0) return i + 1;
  }
  return text.length;
}
