/** What the host can do for us, as declared in its handshake. */
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { type Abortable, asAbortSignal } from '../abortable.ts';
import { shownUrl } from '../shown-url.ts';

export interface HostCapabilities {
  /** The host's roots as `file:` URIs; empty when it has none. */
  roots(): Promise<readonly string[]>;
  /** URL-mode elicitation, if the host declares it. */
  readonly elicitUrl: ElicitUrl | undefined;
  /**
   * Whether the host has asked the person about this address after an earlier call, so that `elicitUrl`
   * returns their answer.
   */
  readonly hasAnswered?: (url: URL) => boolean;
}

/**
 * `over`: the sign-in ended, with or without a session, before the host had answered. `later`: the host
 * asks once this call has returned, and then calls again.
 */
export type ElicitUrl = (request: {
  url: URL;
  message: string;
  done: Promise<void>;
}) => Promise<{ action: 'accept' | 'decline' | 'cancel'; tookMs: number } | 'over' | 'later'>;

/** For the older revisions, in which a server may send requests. */
export function hostOf(server: Server, signal: Abortable): HostCapabilities {
  const capabilities = server.getClientCapabilities();
  return {
    async roots() {
      if (!capabilities?.roots) return [];
      try {
        const { roots } = await server.listRoots(undefined, {
          signal: asAbortSignal(signal),
          timeout: 5_000,
        });
        return roots.map(({ uri }) => uri).filter((uri) => uri.startsWith('file:'));
      } catch (error) {
        // A host that fails to list its roots counts as having none; the working directory remains.
        if (signal.aborted) throw error;
        return [];
      }
    },
    // `elicitation: {}` means forms only.
    elicitUrl: capabilities?.elicitation?.url
      ? async ({ url, message, done }) => {
          const elicitationId = crypto.randomUUID();
          // Withdraws a question that is still open by then, because its address is of no use any more.
          const over = new AbortController();
          done.then(() => over.abort());
          const askedAt = performance.now();
          try {
            const { action } = await server.elicitInput(
              { mode: 'url', message, url: shownUrl(url), elicitationId },
              { timeout: 600_000, signal: over.signal },
            );
            if (action === 'accept') {
              const complete = server.createElicitationCompletionNotifier(elicitationId);
              done.then(complete).catch(() => {});
            }
            return { action, tookMs: performance.now() - askedAt };
          } catch (error) {
            if (over.signal.aborted) return 'over';
            throw error;
          }
        }
      : undefined,
  };
}
