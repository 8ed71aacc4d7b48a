import { save } from 'onnsight';
import { describe, it } from 'vitest';
import { clean, lm, marked } from './support.ts';

const { traceFails } = marked(import.meta.url);

/** To the type checker a name that is none is an error, too. */
// biome-ignore lint/suspicious/noExplicitAny: misspelt names
const loose = (value: unknown): any => value;

describe('a member that the argument of a block does not have is an error at its line, with the name that is meant', () => {
  it('a method of the tracer', () =>
    traceFails(
      lm.trace((tracer) => {
        loose(tracer).invok(clean, () => save(lm.lm_head.output)); // @invok
      }),
      'invok',
      /The tracer has no member 'invok'; did you mean invoke\?/,
    ));

  it('a property of the tracer', () =>
    traceFails(
      lm.trace(clean, (tracer: unknown) => {
        const { reslt } = loose(tracer); // @reslt
        return save(reslt);
      }),
      'reslt',
      /The tracer has no member 'reslt'; did you mean result\?/,
    ));

  it('of the tracer of a generation', () =>
    traceFails(
      lm.generate(clean, { maxNewTokens: 1 }, (tracer) => {
        for (const _ of loose(tracer).al()) save(lm.lm_head.output); // @al
      }),
      'al',
      /The tracer has no member 'al'; did you mean all\?/,
    ));

  it('of a session', () =>
    traceFails(
      lm.session((session) => {
        loose(session).tarce(clean, () => save(lm.lm_head.output)); // @tarce
      }),
      'tarce',
      /The session has no member 'tarce'; did you mean trace\?/,
    ));

  it('with no name like it', () =>
    traceFails(
      lm.session((session) => {
        loose(session).commit(); // @commit
      }),
      'commit',
      /The session has no member 'commit'\. It has .*trace/,
    ));
});
