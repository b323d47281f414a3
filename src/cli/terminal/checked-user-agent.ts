/** The name of -A, for commands that ask a host questions of their own. */
import { checkAgentHeaders } from '../../http/agent-headers.ts';

/** As it is sent. Throws `invalid_input` where it cannot be. */
export function checkedUserAgent(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const [field] = checkAgentHeaders({ 'user-agent': given });
  return field?.[1];
}
