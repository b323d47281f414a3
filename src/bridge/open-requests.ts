/** The host's unanswered requests. Each is answered exactly once, by the server or here. */
import { type Id, keyOf, ownRevision, type Request } from './message.ts';
import type { Remote } from './remote.ts';

export interface OpenRequest {
  readonly id: Id;
  readonly method: string;
  /** A request of a revision in which closing the connection cancels it (2026-07-28). */
  readonly endsByLeaving: boolean;
  /** The session that has accepted it. */
  taker: Remote | undefined;
  isDone: boolean;
  /** Abandons whatever is under way for it. */
  leave(): void;
}

export interface OpenRequests {
  add(request: Request, leave: () => void): OpenRequest;
  find(id: unknown): OpenRequest | undefined;
  /** False if it was already done. */
  done(request: OpenRequest): boolean;
  all(): OpenRequest[];
  /** Resolves when the next one is done. */
  nextDone(): Promise<void>;
}

export function createOpenRequests(): OpenRequests {
  const open = new Map<string, OpenRequest>();
  const waiting: (() => void)[] = [];
  return {
    add(request, leave) {
      const { id, method } = request;
      const endsByLeaving = ownRevision(request) !== undefined;
      const added: OpenRequest = {
        id,
        method,
        endsByLeaving,
        taker: undefined,
        isDone: false,
        leave,
      };
      open.set(keyOf(id), added);
      return added;
    },
    find: (id) => open.get(keyOf(id)),
    done(request) {
      if (request.isDone) return false;
      request.isDone = true;
      if (open.get(keyOf(request.id)) === request) open.delete(keyOf(request.id));
      for (const resolve of waiting.splice(0)) resolve();
      return true;
    },
    all: () => [...open.values()],
    nextDone: () => new Promise((resolve) => void waiting.push(resolve)),
  };
}
