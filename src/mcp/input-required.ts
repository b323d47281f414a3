/**
 * Asking the person in the 2026-07-28 revision: a server sends no requests there. A call that needs
 * the person, or the host's roots, ends at once as `input_required`, and the host makes the same call
 * again with the answers; what it had begun is joined then, also by another process. Nothing is kept
 * in this one between the two: the host gives `requestState` back, and is trusted with it as it is
 * with its own answers.
 */
import { createHash } from 'node:crypto';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { shownUrl } from '../shown-url.ts';
import { type Envelope, isObject } from './envelope.ts';
import type { HostCapabilities } from './host-capabilities.ts';

/** What the next call brings back, in `requestState`. */
interface State {
  /** The host's roots, asked for once. */
  readonly roots?: readonly string[];
  /** When, and about which address the person was asked: an answer is about no other. */
  readonly askedAt?: number;
  readonly address?: string;
}

interface Retry {
  readonly state: State;
  readonly responses: Readonly<Record<string, unknown>>;
}

export interface ModernCall {
  readonly host: HostCapabilities;
  /** This call goes on with what an earlier one began. */
  readonly resumed: boolean;
  /** What the host has to find out first, in the place of a `result` that lacks it. */
  inputRequired(result: CallToolResult): CallToolResult | undefined;
}

/** Throws RangeError when `retry` is not what this server gave out. */
export function modernCall({ capabilities }: Envelope, retry: unknown, now = Date.now): ModernCall {
  const { state, responses } = readRetry(retry);
  const said = actionOf(responses.sign_in);
  const roots = rootsOf(responses.roots) ?? state.roots;
  let wantsRoots = false;
  let signIn: { params: { message: string; url: string }; address: string } | undefined;
  const hasAnswered = (url: URL) => said !== undefined && state.address === fingerprint(url);
  return {
    resumed: state.askedAt !== undefined,
    host: {
      hasAnswered,
      async roots() {
        if (roots) return roots;
        if (!capabilities.roots) return [];
        wantsRoots = true;
        throw new Error('the host is asked for its roots between this call and the next');
      },
      elicitUrl: isObject(capabilities.elicitation?.url)
        ? async ({ url, message }) => {
            if (said !== undefined && hasAnswered(url)) {
              return { action: said, tookMs: now() - (state.askedAt ?? 0) };
            }
            signIn = { params: { message, url: shownUrl(url) }, address: fingerprint(url) };
            return 'later';
          }
        : undefined,
    },
    inputRequired(result) {
      // The sign-in may have ended just now, well or badly: then that is the answer.
      const asked = signIn && waitsForPerson(result) ? signIn : undefined;
      if (!wantsRoots && !asked) return undefined;
      const next: State = {
        ...(roots ? { roots } : {}),
        ...(asked ? { askedAt: now(), address: asked.address } : {}),
      };
      return {
        content: [],
        resultType: 'input_required',
        inputRequests: {
          ...(wantsRoots ? { roots: { method: 'roots/list' } } : {}),
          ...(asked
            ? {
                sign_in: { method: 'elicitation/create', params: { mode: 'url', ...asked.params } },
              }
            : {}),
        },
        requestState: Buffer.from(JSON.stringify(next)).toString('base64url'),
      };
    },
  };
}

function waitsForPerson({ content: [first], structuredContent, isError }: CallToolResult): boolean {
  if (!isError) return structuredContent?.status === 'pending';
  return first?.type === 'text' && JSON.parse(first.text).error?.code === 'sign_in_pending';
}

/** The address is a secret of the sign-in: its fingerprint is enough to know it again. */
function fingerprint({ href }: URL): string {
  return createHash('sha256').update(href).digest('base64url');
}

function readRetry(retry: unknown): Retry {
  const { requestState, inputResponses } = isObject(retry) ? retry : {};
  const responses = isObject(inputResponses) ? inputResponses : {};
  if (requestState === undefined) return { state: {}, responses: {} };
  const state = parse(requestState);
  if (state === undefined) throw new RangeError('requestState is not what this server gave out.');
  return { state, responses };
}

function parse(text: unknown): State | undefined {
  try {
    const state: unknown = JSON.parse(Buffer.from(String(text), 'base64url').toString());
    if (!isObject(state)) return undefined;
    const { roots, askedAt, address } = state;
    if (roots !== undefined && !(Array.isArray(roots) && roots.every(isText))) return undefined;
    if (askedAt !== undefined && !Number.isFinite(askedAt)) return undefined;
    if (address !== undefined && !isText(address)) return undefined;
    return state;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function actionOf(response: unknown): 'accept' | 'decline' | 'cancel' | undefined {
  const action = isObject(response) ? response.action : undefined;
  return action === 'accept' || action === 'decline' || action === 'cancel' ? action : undefined;
}

function rootsOf(response: unknown): string[] | undefined {
  if (response === undefined) return undefined;
  const roots = isObject(response) && Array.isArray(response.roots) ? response.roots : [];
  return roots
    .map((root) => (isObject(root) ? root.uri : undefined))
    .filter(isText)
    .filter((uri) => uri.startsWith('file:'));
}
