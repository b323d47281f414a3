/** The variables that limit what may be requested for the agent. */

import type { Limits } from '../access/limits.ts';
import { parseHostPatterns } from '../cloudflare/host-pattern.ts';
import type { Reader } from './service-tokens.ts';

/** Doubtful values are problems: a limit that was misunderstood must not count as no limit. */
export async function readLimits({ get, problems }: Reader): Promise<Limits> {
  const readOnly = get('CF_ACCESS_READ_ONLY')?.toLowerCase() ?? '0';
  if (!['1', '0', 'true', 'false'].includes(readOnly)) {
    problems.push('CF_ACCESS_READ_ONLY is neither 1 nor 0.');
  }
  const text = get('CF_ACCESS_ALLOWED_HOSTS');
  const allowed = await parseHostPatterns(text ?? '');
  problems.push(...allowed.problems.map((problem) => `CF_ACCESS_ALLOWED_HOSTS: ${problem}.`));
  if (text !== undefined && allowed.patterns.length + allowed.problems.length === 0) {
    problems.push('CF_ACCESS_ALLOWED_HOSTS names no host.');
  }
  return {
    readOnly: readOnly === '1' || readOnly === 'true',
    ...(text === undefined ? {} : { allowedHosts: allowed.patterns }),
  };
}
