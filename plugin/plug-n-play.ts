/**
 * In older releases of Node what is required does not ask Yarn's Plug'n'Play where packages are, and the error says nothing
 * of either.
 * @param release of Node, from which on the host runs there; none if left out
 * @throws where it does not
 */
export function checkPlugAndPlay(host: string, release?: number): void {
  const { pnp, node } = process.versions;
  if (!pnp || (release !== undefined && Number.parseInt(node, 10) >= release)) return;
  const needed = release === undefined ? '' : ` below Node ${release} (here is ${node})`;
  const message = `Yarn's Plug'n'Play does not go with ${host}${needed}. Write "nodeLinker: node-modules" into .yarnrc.yml, and run yarn install.`;
  throw Object.assign(new Error(message), { name: 'UsageError' });
}
