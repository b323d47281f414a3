/** What the host on the other side can do for us, as it declared in its handshake. */
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import { shownUrl } from '../shown-url.ts';

export interface HostCapabilities {
  /** The host's roots as absolute folders; empty when it has none. */
  roots(): Promise<readonly string[]>;
  /** URL-mode elicitation, where the host declares it. */
  readonly elicitUrl: ElicitUrl | undefined;
  /** Whether an earlier call has had the person asked about this address: `elicitUrl` knows the answer. */
  readonly hasAnswered?: (url: URL) => boolean;
}

/**
 * `over`: the sign-in ended, one way or the other, before the host had answered. `later`: the host asks
 * when this call has ended, and calls again.
 */
export type ElicitUrl = (request: {
  url: URL;
  message: string;
  done: Promise<void>;
}) => Promise<{ action: 'accept' | 'decline' | 'cancel'; tookMs: number } | 'over' | 'later'>;

export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Of the revisions in which a server sends requests of its own. */
export function hostOf(server: Server, { signal }: Extra): HostCapabilities {
  const capabilities = server.getClientCapabilities();
  return {
    async roots() {
      if (!capabilities?.roots) return [];
      try {
        const { roots } = await server.listRoots(undefined, { signal, timeout: 5_000 });
        return roots.map(({ uri }) => uri).filter((uri) => uri.startsWith('file:'));
      } catch (error) {
        // A host that cannot name its roots has none; the working directory is left.
        if (signal.aborted) throw error;
        return [];
      }
    },
    // `elicitation: {}` means forms alone.
    elicitUrl: capabilities?.elicitation?.url
      ? async ({ url, message, done }) => {
          const elicitationId = crypto.randomUUID();
          // A question that is still open then is taken back: its address is of no use any more.
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
