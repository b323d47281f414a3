/** Which URLs a service token is sent to once one of them has asked for it. */
import { expect, it } from 'vitest';
import { createFindServiceTokenScope } from '../../src/access/service-tokens/scope.ts';
import type { SignedAnswer } from '../../src/cloudflare/signed-answer.ts';
import { AccessError } from '../../src/errors.ts';
import type { Target } from '../../src/sign-in/target.ts';
import { answerOf, audience, oauthTarget, team, transferTarget, url } from './answers.ts';

const proofOf = (applicationDomain: string): SignedAnswer => ({
  verified: true,
  teamDomain: team,
  audience,
  applicationDomain,
});
const forged: SignedAnswer = { verified: false, why: 'its signature is wrong' };
const unreachable = new AccessError('network_error', 'Lost.', [{ do: 'retry' }]);

interface Row {
  readonly name: string;
  /** What the answer says of itself. */
  readonly claimed?: string;
  readonly proof?: SignedAnswer;
  readonly target?: Target;
  /** What the host says when it is asked for its signed answer; absent: it must not be asked. */
  readonly asked?: SignedAnswer | AccessError | 'nothing';
  readonly scope: string;
}

it.each<Row>([
  {
    name: 'the resource of its metadata',
    target: oauthTarget,
    scope: 'https://app.example.com/wiki',
  },
  {
    name: 'the application that is proven',
    target: transferTarget(true),
    scope: 'https://app.example.com/',
  },
  {
    name: 'not a whole host that only a person vouches for',
    target: transferTarget(false),
    asked: 'nothing',
    scope: 'https://app.example.com/wiki/page',
  },
  {
    name: 'the domain of the proof that permitted it, whatever is claimed',
    proof: proofOf('app.example.com/wiki'),
    claimed: 'app.example.com',
    target: transferTarget(true),
    scope: 'https://app.example.com/wiki',
  },
  {
    name: 'the claimed domain, which narrows it',
    claimed: 'app.example.com/wiki',
    scope: 'https://app.example.com/wiki',
  },
  {
    name: 'the domain of the signed answer, where nothing is claimed',
    asked: proofOf('app.example.com/wiki'),
    scope: 'https://app.example.com/wiki',
  },
  {
    name: 'the URL’s own path, where the signed answer is forged',
    asked: forged,
    scope: 'https://app.example.com/wiki/page',
  },
  {
    name: 'the URL’s own path, where the signed answer cannot be had',
    asked: unreachable,
    scope: 'https://app.example.com/wiki/page',
  },
  {
    name: 'the URL’s own path, where the application of another host is named',
    claimed: 'other.example.com',
    scope: 'https://app.example.com/wiki/page',
  },
])('is $name', async ({ claimed, proof, target, asked, scope }) => {
  const findScope = createFindServiceTokenScope({
    async prove() {
      if (asked === undefined) throw new Error('nobody is to be asked');
      if (asked instanceof AccessError) throw asked;
      return asked === 'nothing' ? undefined : asked;
    },
  });
  const answer = answerOf(
    'a browser login',
    url,
    claimed === undefined ? {} : { 'cf-access-domain': claimed },
  );
  expect(await findScope(answer, { proof, target })).toBe(scope);
});
