/** get_token: the access token for a program that the agent runs, as a value or in a file. */
import * as z from 'zod';
import { instant } from '../instant.ts';
import { targetUrl } from './target-url.ts';
import { defineTool, structured } from './tool.ts';

export const getToken = defineTool({
  name: 'get_token',
  title: 'Get the access token for a URL',
  description: `Returns the access token for a URL behind Cloudflare Access, for a program that has to make its own requests (curl, a test suite, a browser). Prefer access_fetch, which needs no token in the conversation; prefer as: "file", which writes a curl configuration that only the person's account can read, removed when this server ends.

It refreshes the token when it has less than min_ttl_seconds to live, and never starts a sign-in: sign_in_required means to call authenticate first. Send the token only to the resource it is for; never write it into a file of the project, a commit or a log.`,
  input: z.strictObject({
    url: z.string().describe('The absolute URL that the token is for.'),
    as: z
      .enum(['value', 'file'])
      .default('value')
      .describe('value: the token itself in the result; file: the path of a curl configuration.'),
    min_ttl_seconds: z
      .number()
      .min(0)
      .max(86_400)
      .default(60)
      .describe(
        'The minimum time for which the token must still be valid; otherwise it is refreshed.',
      ),
  }),
  output: z.object({
    resource: z.string(),
    header: z.string().optional(),
    value: z.string().optional(),
    curl_config: z.string().optional(),
    expires_at: z.string().nullable(),
    curl: z.string(),
  }),
  // Not read-only, because with as: "file" it writes a file.
  annotations: {
    readOnlyHint: false,
    openWorldHint: true,
    idempotentHint: true,
    destructiveHint: false,
  },
  async run({ url: text, as, min_ttl_seconds }, { access, signal, temporary }) {
    const url = targetUrl(text);
    const { resource, header, value, expiresAt } = await access.giveToken(url, {
      minTtlMs: min_ttl_seconds * 1000,
      signal,
    });
    const expires_at = instant(expiresAt);
    const quoted = quoteForShell(url.href);
    if (as === 'value') {
      const field = quoteForShell(`${header}: ${value}`);
      return structured({
        resource,
        header,
        value,
        expires_at,
        curl: `curl -H ${field} ${quoted}`,
      });
    }
    const path = await temporary.write(
      'curl.conf',
      `header = ${quoteForCurl(`${header}: ${value}`)}\n`,
    );
    return structured({
      resource,
      curl_config: path,
      expires_at,
      curl: `curl --config ${quoteForShell(path)} ${quoted}`,
    });
  },
});

/** For a POSIX shell, where nothing is special between single quotes. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** In curl's configuration, backslashes escape between double quotes. */
function quoteForCurl(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
