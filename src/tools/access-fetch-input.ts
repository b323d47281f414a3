/** The arguments of access_fetch. */
import * as z from 'zod';

export const accessFetchInput = z.strictObject({
  url: z.string().describe('The absolute URL: https, or http on localhost.'),
  method: z
    .string()
    .regex(/^[A-Za-z]{1,20}$/)
    .default('GET')
    .describe('Any HTTP method except CONNECT and TRACE.'),
  headers: z
    .record(z.string(), z.string())
    .optional()
    .describe('Header names to values. Access’s credentials are attached by the server itself.'),
  body: z.string().optional().describe('The request body as text; JSON gets its content type.'),
  body_base64: z.string().optional().describe('The request body in base64, for binary content.'),
  body_file: z
    .string()
    .optional()
    .describe('A file to send as the body, inside the working directory or a root of the host.'),
  format: z
    .enum(['auto', 'raw', 'markdown'])
    .default('auto')
    .describe('auto: HTML as Markdown, other text as it is, images as images.'),
  max_length: z
    .number()
    .int()
    .min(1)
    .max(900_000)
    .default(20_000)
    .describe('The maximum number of characters of the body to return.'),
  start_index: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'Where to continue, from next_start_index: the stored answer is used, without a new request.',
    ),
  save_to: z
    .string()
    .optional()
    .describe(
      'Save the body to this new file, inside the working directory or a root of the host.',
    ),
  timeout_seconds: z.number().min(1).max(3600).default(60).describe('For the whole call.'),
  sign_in: z
    .boolean()
    .default(true)
    .describe('false: answer sign_in_required instead of asking the person to sign in.'),
});

export type AccessFetchInput = z.infer<typeof accessFetchInput>;
