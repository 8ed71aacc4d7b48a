import type { Site } from '../graph/types.ts';
import type { State } from '../tracing/slots.ts';
import { thrownInBody } from '../tracing/thrown-in-body.ts';
import { settled } from '../tracing/varying.ts';
import { type Completion, isAbrupt, isNormal, isThrow, type Throw } from './completions.ts';
import { where } from './conditionals.ts';

/** The body of a `catch`, which is given what was thrown. Where nothing was, it runs past itself, to be counted. */
type Handler = (is: boolean, thrown?: unknown) => Completion;

/** `try`, `catch` and `finally`. */
export function attempt(
  body: () => Completion,
  handler: Handler | null,
  cleanUp: (() => Completion) | null,
  state: State | null,
  site: Site,
): Completion {
  let end: Completion;
  try {
    end = handler ? caught(body, handler, state, site) : body();
  } catch (error) {
    const last = cleanUp?.();
    if (isAbrupt(last)) return last;
    // Where the `finally` jumps on a traced condition, only the run tells whether the error goes on.
    throw isNormal(last) === true ? error : thrownInBody(error, site);
  }
  const last = cleanUp?.();
  return where(isNormal(last), () => end, last, null, site);
}

/** What JavaScript throws comes to the handler at once; a `throw` of the same function is an end of the body. */
function caught(body: () => Completion, handler: Handler, state: State | null, site: Site): Completion {
  let end: Completion;
  try {
    end = body();
  } catch (error) {
    return handler(true, error);
  }
  const isThrown = isThrow(end);
  if (isThrown === false) handler(false);
  return where(isThrown, () => handler(true, (settled(end) as Throw).value), end, state, site);
}
