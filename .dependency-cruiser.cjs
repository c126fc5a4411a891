/**
 * The arrows of docs/design/01-architecture.md, held by `npm run check:arrows`.
 *
 *   cli → operations → capture, recovery → engines, repository → store → content, host, errors
 *
 * `engines` and `repository` never meet: capture and recovery introduce them.
 */
const room = (name) => `^src/${name}/`;
const only = (from, allowed) => ({
  name: `${from}-arrows`,
  severity: 'error',
  from: { path: room(from), pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [from, ...allowed].map(room) },
});
const base = ['errors', 'host', 'content'];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'source-never-imports-test',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^test/|\\.test\\.ts$' },
    },
    only('errors', []),
    only('host', ['errors']),
    only('content', ['errors']),
    only('store', base),
    only('repository', [...base, 'store']),
    only('engines', base),
    only('config', base),
    only('capture', [...base, 'store', 'repository', 'engines', 'config']),
    only('recovery', [...base, 'store', 'repository', 'engines', 'config', 'capture']),
    only('operations', [...base, 'store', 'repository', 'engines', 'config', 'capture', 'recovery']),
    only('cli', [...base, 'config', 'recovery', 'operations']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
