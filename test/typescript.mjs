// Lets threads that tests start run TypeScript sources: Node 20's threads don't inherit tsx's loader, later Nodes strip types.
if (!process.features.typescript) {
  const { register } = await import('tsx/esm/api');
  register();
}
