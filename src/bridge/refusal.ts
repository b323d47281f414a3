/** Explains an answer that is not an MCP message to the person who configured the address. */
import { AccessError, type ErrorCode } from '../errors.ts';
import type { NextStep } from '../next-step.ts';
import { quoteServerText } from '../server-text.ts';
import type { Told } from './ask.ts';

/** `text`: the beginning of the body, without secrets. */
export function refusalOf({ url, status, headers }: Told, text: string): AccessError {
  const { host, pathname } = url;
  const type = (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/html' || /^\s*<(?:!doctype|html)\b/i.test(text)) {
    if (/\/cdn-cgi\/access\/|\bcloudflareaccess\.com\b/.test(text)) {
      return new AccessError(
        'access_denied',
        `${host} answered with a login page of Cloudflare Access (status ${status}) in the place of the MCP server.`,
        [
          { do: 'sign_in' },
          {
            do: 'ask_operator',
            when: 'persists',
            host,
            to: 'see what shows that page between Access and the MCP server',
          },
        ],
      );
    }
    const title = /<title\b[^<>]*>([^<]{1,300})/i.exec(text)?.[1]?.trim();
    const titled = title ? ` titled ${quoteServerText(title)}` : '';
    const [code, nextStep] = adviceFor(host, status < 400 ? 404 : status);
    const absent = code === 'invalid_input' ? ': there is no MCP server at that address' : '';
    return new AccessError(
      code,
      `${host} answered with a web page${titled} (status ${status}) at ${pathname}${absent}.`,
      nextStep,
    );
  }
  const words = text.trim() === '' ? '' : `: ${quoteServerText(text)}`;
  const [code, nextStep] = adviceFor(host, status);
  return new AccessError(
    code,
    `${host} answered ${status}${type ? ` (${quoteServerText(type)})` : ''} at ${pathname}, and that is no answer of an MCP server${words}.`,
    nextStep,
  );
}

function adviceFor(host: string, status: number): [ErrorCode, NextStep] {
  if (status === 401 || status === 403) {
    const to = 'say what the MCP server wants beyond Access, which lets the request in';
    return ['access_denied', [{ do: 'ask_operator', host, to }]];
  }
  if (status === 404 || status === 405) {
    const url = 'the URL of an MCP server, which often ends in /mcp or /sse';
    return ['invalid_input', [{ do: 'correct_input', with: url }]];
  }
  const look = { do: 'ask_operator', when: 'persists', host, to: 'look into it' } as const;
  if (status === 429 || status >= 500) {
    return ['temporarily_unavailable', [{ do: 'retry', afterSeconds: 60 }, look]];
  }
  return ['network_error', [{ do: 'check', whether: 'the URL is an MCP server’s' }, look]];
}

export function answerDropped({ host }: URL): AccessError {
  return new AccessError('network_error', `${host} ended its answer before the result was there.`, [
    { do: 'check', whether: 'it was done all the same' },
    { do: 'retry', when: 'otherwise' },
  ]);
}

export function messageTooLarge({ host }: URL): AccessError {
  return new AccessError(
    'response_too_large',
    `${host} answered with a message larger than 10 MB, which MCP hosts on stdio do not take.`,
    [{ do: 'correct_input', with: 'a question that has a smaller answer' }],
  );
}

export function noMessage({ host }: URL): AccessError {
  return new AccessError(
    'network_error',
    `${host} sent something that is no JSON-RPC message; it was left out.`,
    [{ do: 'ask_operator', host, to: 'see what the MCP server sends' }],
  );
}
