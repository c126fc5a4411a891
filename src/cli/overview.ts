/** What `holdfast` alone says: where to begin, not everything there is. */
export const OVERVIEW = `holdfast brings databases back.

  holdfast demo      see all of it on a throw-away PostgreSQL, in under a minute
  holdfast init      begin: write holdfast.yaml, create the repository and its key
  holdfast backup    take a snapshot
  holdfast follow    stream the log, so that any second can be restored
  holdfast restore   bring a database back
  holdfast doctor    check everything, and say what to do

All commands: holdfast --help. Each one has examples: holdfast restore --help.
`;
