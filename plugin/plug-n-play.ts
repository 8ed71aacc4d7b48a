/**
 * In older releases of Node what is required does not ask Yarn's Plug'n'Play where packages are, and the error says nothing
 * of either.
 * @throws below the release that a host needs
 */
export function checkPlugAndPlay(release: number): void {
  const { pnp, node } = process.versions;
  if (!pnp || Number.parseInt(node, 10) >= release) return;
  const message = `Under Yarn's Plug'n'Play this needs Node ${release}, and here is ${node}. Use another Node, or write "nodeLinker: node-modules" into .yarnrc.yml and run yarn install.`;
  throw Object.assign(new Error(message), { name: 'UsageError' });
}
