import { LanguageModel, NNsight } from 'onnsight';
import { expect, it } from 'vitest';

it('models of the package are found by name, wherever the program runs', async () => {
  const before = process.cwd();
  process.chdir('/');
  try {
    using lm = await LanguageModel.load('onnsight/toy-gpt2');
    using sae = await NNsight.load('onnsight/toy-sae');
    expect(lm.tokenizer.encode('Eiffel Tower').tokens).toContain('Eiffel');
    expect(String(sae)).toContain('encoder');
  } finally {
    process.chdir(before);
  }
});

it('a name that there is not tells those that there are, and asks no hub', async () => {
  await expect(LanguageModel.load('onnsight/toy-gtp2')).rejects.toThrow(
    'onnsight comes with onnsight/toy-gpt2 and onnsight/toy-sae, not with onnsight/toy-gtp2; did you mean onnsight/toy-gpt2 or onnsight/toy-sae?',
  );
});
