/**
 * OPTIONS, which browsers send without a credential before they ask across origins: Access refuses it,
 * whoever asks, unless an administrator lets it through (cloudflare-access.md §1).
 */
import { notice } from '../server/page.ts';
import { forbiddenService } from './challenge.ts';
import type { Decision, Visit } from './guards.ts';

const forbidden =
  "You don't have permission to view this. Please contact your system administrator.";

/** `undefined` for what the application's own guard decides. */
export function refusedPreflight({
  organisation,
  application,
  request,
}: Visit): Decision | undefined {
  const { preflights } = organisation.settings;
  if (request.method !== 'OPTIONS' || preflights === 'passed') return undefined;
  const refuse =
    preflights === 'refused_by_name'
      ? () => forbiddenService(403, application, request)
      : () => notice(403, 'Forbidden', forbidden, { 'cache-control': 'no-store' });
  return { refuse, what: 'refused' };
}
