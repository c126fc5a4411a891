import { HoldfastError } from '../../errors/holdfast-error.ts';

/**
 * Runs what touches the destination. Its errors are its own, never mistaken for the
 * repository's: DESTINATION_FULL or DESTINATION_UNUSABLE.
 */
export async function atDestination<Result>(
  directory: string,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    throw destinationError(directory, cause);
  }
}

function destinationError(directory: string, cause: unknown): unknown {
  if (cause instanceof HoldfastError || !(cause instanceof Error)) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  // Without an errno it did not come from the file system.
  if (code === undefined) return cause;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new HoldfastError('DESTINATION_FULL', { directory }, { cause });
  }
  return new HoldfastError('DESTINATION_UNUSABLE', { directory, reason: message }, { cause });
}
