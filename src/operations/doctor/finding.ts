import { type HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { DoctorCheck } from '../contract.ts';

/** A check, before it is said whom it is about. */
export type Finding = Omit<DoctorCheck, 'subject'>;

export const ok = (name: string, message: string, hint?: string): Finding => ({
  name,
  status: 'ok',
  message,
  ...(hint !== undefined && { hint }),
});

export const warning = (name: string, message: string, hint: string): Finding => ({
  name,
  status: 'warning',
  message,
  hint,
});

export const problem = (name: string, message: string, hint: string): Finding => ({
  name,
  status: 'problem',
  message,
  hint,
});

export const failed = (name: string, { message, hint }: HoldfastError): Finding =>
  problem(name, message, hint);

/** A check that cannot be made is a finding of its own; a defect of ours still ends the command. */
export async function attempt(
  name: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return [failed(name, error)];
  }
}

const STEPS = [
  { unit: 'd', seconds: 86_400 },
  { unit: 'h', seconds: 3_600 },
  { unit: 'min', seconds: 60 },
] as const;

/** `45 s`, `3 h`, `2 d`: a span as people say it. */
export function spanText(seconds: number): string {
  const step = STEPS.find((candidate) => seconds >= 2 * candidate.seconds);
  if (!step) return `${Math.max(0, Math.round(seconds))} s`;
  return `${Math.round(seconds / step.seconds)} ${step.unit}`;
}

export function sizeText(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
