// The whole job, as a scripted model plays it: what it calls in which order, and what it has to be
// shown. From detecting over two ways of signing in and a token's file to a service token and a no.
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * @typedef {{ tool: string, args: object, shows: RegExp[], verify?: (shown: string) => Promise<void> }} Step
 * @param {{ applications: Record<string, { url: URL }> }} sandbox
 * @returns {Step[]}
 */
function stepsOf({ applications }) {
  const url = (name) => applications[name].url.href;
  const wiki = url('managed-oauth');
  return [
    {
      tool: 'detect_protection',
      args: { url: wiki },
      shows: [/"protection":"managed_oauth"/, /authenticate/],
    },
    { tool: 'authenticate', args: { url: wiki }, shows: [/"status":"authenticated"/] },
    {
      tool: 'access_fetch',
      args: { url: wiki },
      shows: [/"status":200/, /"auth":"oauth"/, /Internal wiki/],
    },
    {
      tool: 'get_token',
      args: { url: wiki, as: 'file' },
      shows: [/"curl_config":"[^"]+"/],
      async verify(shown) {
        const file = /"curl_config":"([^"]+)"/.exec(shown)?.[1] ?? '';
        const mode = (await stat(file)).mode & 0o777;
        if (mode !== 0o600) throw new Error(`the token's file has the mode ${mode.toString(8)}`);
        const { stdout } = await run('curl', ['--silent', '--config', file, wiki]);
        if (!stdout.includes('Internal wiki')) throw new Error('the token’s file opened nothing');
      },
    },
    {
      tool: 'access_fetch',
      args: { url: url('browser-login') },
      shows: [/"status":200/, /"auth":"cf_access_token"/],
    },
    {
      tool: 'access_fetch',
      args: { url: url('service-auth') },
      shows: [/"status":200/, /"auth":"service_token"/],
    },
    {
      tool: 'access_fetch',
      args: { url: url('no-application') },
      shows: [/"code":"access_denied"/, /"next_step":"[^"]+/],
    },
  ];
}

/** What hosts put around a result, and the quotes that they escape, are theirs. */
const plain = (text) => text.replace(/\\+"/g, '"');

/**
 * @param {Parameters<typeof stepsOf>[0]} sandbox
 * @param {string} prefix before the tools' names, where they have to be searched for
 */
export function createJob(sandbox, prefix) {
  const steps = stepsOf(sandbox);
  /** What went otherwise, in words. */
  const problems = [];
  let judged = 0;
  let searches = 0;
  let done = false;
  let isFirst = true;

  const judge = async ({ tool, shows, verify }, shown) => {
    for (const each of shows) {
      if (!each.test(shown)) problems.push(`${tool} did not show ${each}: ${shown.slice(0, 600)}`);
    }
    await verify?.(shown).catch((error) => problems.push(`${tool}: ${error.message}`));
  };

  return {
    problems,
    isDone: () => done,
    /**
     * @param {import('./model/server.js').Conversation} conversation
     * @returns {Promise<import('./model/server.js').Move>}
     */
    async play({ tools, results }) {
      // A title for the conversation, a summary: not the job.
      if (tools.length === 0) return { text: 'A job' };
      if (isFirst && !tools.some((name) => name.endsWith('access_fetch'))) {
        problems.push('access_fetch was not offered from the beginning');
      }
      isFirst = false;
      const ours = results.filter(({ name }) => steps.some(({ tool }) => name.endsWith(tool)));
      while (judged < ours.length && judged < steps.length) {
        const index = judged;
        judged += 1;
        await judge(steps[index], plain(ours[index].text));
      }
      const step = steps[ours.length];
      if (step === undefined) {
        done = true;
        return { text: 'The job is done.' };
      }
      const name = tools.find((each) => each.endsWith(step.tool));
      if (name !== undefined) return { name, args: step.args };
      // A host that keeps tools back until they are searched for.
      const search = tools.find((each) => /^tool_?search$/i.test(each));
      searches += 1;
      if (search === undefined || searches > steps.length + 2) {
        problems.push(`${step.tool} is not among ${tools.join(', ')}`);
        return { text: 'The tool is not there.' };
      }
      return { name: search, args: { query: `select:${prefix}__${step.tool}` } };
    },
  };
}
