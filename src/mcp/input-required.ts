/**
 * Asking the person in the 2026-07-28 revision, in which a server sends no requests. A call that needs the
 * person, or the host's roots, returns `input_required` at once, and the host repeats the call with the
 * answers. The repeated call, even in another process, joins the sign-in that the first one began. No
 * state is kept in this process in between: the host returns `requestState`, which is trusted like the
 * host's own answers.
 */
import { createHash } from 'node:crypto';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { shownUrl } from '../shown-url.ts';
import { type Envelope, isObject } from './envelope.ts';
import type { HostCapabilities } from './host-capabilities.ts';

/** What the host returns with the next call, in `requestState`. */
interface State {
  /** The host's roots, requested only once. */
  readonly roots?: readonly string[];
  /** When and about which address the person was asked; an answer counts for that address only. */
  readonly askedAt?: number;
  readonly address?: string;
}

interface Retry {
  readonly state: State;
  readonly responses: Readonly<Record<string, unknown>>;
}

export interface ModernCall {
  readonly host: HostCapabilities;
  /** True when this call continues an earlier one. */
  readonly resumed: boolean;
  /**
   * The result that requests input from the host, to be returned instead of `result`; `undefined` when
   * none is needed.
   */
  inputRequired(result: CallToolResult): CallToolResult | undefined;
}

/** Throws RangeError when `retry` does not contain a state that this server issued. */
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
        throw new Error('the host is asked for its roots before it repeats this call');
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
      // If the sign-in has just ended, successfully or not, its outcome is the result.
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

/** The address is secret; its hash is enough to recognise it. */
function fingerprint({ href }: URL): string {
  return createHash('sha256').update(href).digest('base64url');
}

function readRetry(retry: unknown): Retry {
  const { requestState, inputResponses } = isObject(retry) ? retry : {};
  const responses = isObject(inputResponses) ? inputResponses : {};
  if (requestState === undefined) return { state: {}, responses: {} };
  const state = parse(requestState);
  if (state === undefined) throw new RangeError('requestState was not issued by this server.');
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
