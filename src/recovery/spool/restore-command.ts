/**
 * The restore_command of a server that recovers from a spool: a few lines of shell, because a
 * Node start per segment costs more than the segment (docs/design/03-recovery.md).
 *
 * The spool is a directory:
 *
 *     plan            names this recovery may read, one a line; anything else is "not archived"
 *     pid             the process that fills the spool
 *     ready/<name>    whole files, moved in under their final name
 *     want/<name>     created by the client: fetch this one now
 *     served/<name>   created by the client: recovery has it
 *     failed          created by the filler when the repository failed it
 *
 * Exit 0: the file is at %p. Exit 1: not in the archive, which ends recovery or makes it look in
 * pg_wal. Exit 200: the archive failed; PostgreSQL stops instead of promoting early. Not `: >`:
 * when the redirection of a special built-in fails, the shell exits by itself, with 2.
 */
export const RESTORE_COMMAND_SCRIPT = `#!/bin/sh
spool=$(dirname "$0")
grep -qxF -e "$1" "$spool/plan"
case $? in
  0) ;;
  1) exit 1 ;;
  *) exit 200 ;;
esac
filler=$(cat "$spool/pid") || exit 200
for attempt in 1 2 3; do
  while [ ! -f "$spool/ready/$1" ]; do
    [ -f "$spool/failed" ] && exit 200
    [ -d "/proc/$filler" ] || ps -p "$filler" >/dev/null 2>&1 || exit 200
    [ -f "$spool/want/$1" ] || true > "$spool/want/$1" || exit 200
    sleep 0.02
  done
  # Behind recovery, files make room for others, even between the look and the copy.
  cp "$spool/ready/$1" "$2" || continue
  true > "$spool/served/$1" || exit 200
  exit 0
done
exit 200
`;

/** The value of restore_command, the directory quoted for the shell and for PostgreSQL's %. */
export function restoreCommand(directory: string): string {
  const quoted = directory.replaceAll("'", `'\\''`).replaceAll('%', '%%');
  return `sh '${quoted}/fetch.sh' "%f" "%p"`;
}
