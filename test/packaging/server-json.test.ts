/**
 * server.json by the rules of the MCP Registry's schema of 2025-12-11, and those that the registry adds
 * for packages on npm. Written anew from its description; the registry's own program checks it as well
 * when a release is published.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { variables } from '../../src/config/variables.ts';

const read = (path: string) =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

const version = z.string().regex(/^\d+\.\d+\.\d+$/);
const schema = z.strictObject({
  $schema: z.literal(
    'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  ),
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  websiteUrl: z.url(),
  repository: z.strictObject({ url: z.url(), source: z.literal('github') }),
  version,
  packages: z
    .array(
      z.strictObject({
        registryType: z.literal('npm'),
        identifier: z.string(),
        version,
        runtimeHint: z.literal('npx'),
        transport: z.strictObject({ type: z.literal('stdio') }),
        environmentVariables: z.array(
          z.strictObject({
            name: z.string(),
            description: z.string(),
            format: z.enum(['string', 'number', 'boolean', 'filepath']),
            isRequired: z.boolean(),
            isSecret: z.boolean(),
          }),
        ),
      }),
    )
    .length(1),
});

it('server.json is what the registry takes', () => {
  const server = schema.parse(read('packaging/server.json'));
  const about = read('package.json');
  // The registry looks for its name in the package that is published, and for the owner in the name.
  expect(about.mcpName).toBe(server.name);
  const [, owner, name] = /github\.com\/([^/]+)\/([^/]+)$/.exec(server.repository.url) ?? [];
  expect(server.name).toBe(`io.github.${owner}/${name}`);
  expect(server.packages[0]).toMatchObject({ identifier: about.name, version: about.version });
});

it('it describes every variable, needs none, and marks exactly the secrets', () => {
  const { environmentVariables } = schema.parse(read('packaging/server.json')).packages[0] ?? {
    environmentVariables: [],
  };
  expect(environmentVariables.map(({ name }) => name)).toEqual(Object.keys(variables));
  expect(environmentVariables.filter(({ isRequired }) => isRequired)).toEqual([]);
  const secret = environmentVariables.filter(({ isSecret }) => isSecret);
  expect(secret.map(({ name }) => name)).toEqual([
    'CF_ACCESS_CLIENT_SECRET',
    'CF_ACCESS_OAUTH_CLIENT_SECRET',
  ]);
});
