"""Writes test/fixtures/language/chat.json: what transformers makes of conversations with the templates in
test/fixtures/language/chat, which are written as those of well-known chat models are.

Run with: python test/tools/chat_fixtures.py (needs transformers).
"""

import json
import pathlib

from transformers import AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / 'test/fixtures/language'
tokenizer = AutoTokenizer.from_pretrained(ROOT / 'models/toy-gpt2')

user = {'role': 'user', 'content': 'Who gave the drink?  '}
assistant = {'role': 'assistant', 'content': '<think>\nJohn "did".\n</think>\n\nJohn, I\'d say — déjà vu 🦊'}
system = {'role': 'system', 'content': ' Be brief.\nAnd <b>bold</b>.'}
CONVERSATIONS = {
    'one turn': [user],
    'system': [system, user],
    'several turns': [user, assistant, {'role': 'user', 'content': 'Sure?\n'}],
    'system and several turns': [system, user, assistant, user],
    'wrong order': [user, user],
    'unknown role': [user, {'role': 'critic', 'content': 'hm'}],
}
TOOLS = [{
    'type': 'function',
    'function': {
        'name': 'get_weather',
        'description': 'Tells the weather in "a" city, in °C',
        'parameters': {'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city']},
    },
}]

cases = []
for path in sorted((FIXTURES / 'chat').glob('*.jinja')):
    for name, messages in CONVERSATIONS.items():
        variants = [{}, {'add_generation_prompt': True}]
        if path.stem == 'qwen-tools':
            variants += [{'tools': TOOLS}, {'add_generation_prompt': True, 'enable_thinking': False}]
        if path.stem == 'llama-3':
            variants.append({'date_string': '1 Jan 2025'})
        for variant in variants:
            try:
                text = tokenizer.apply_chat_template(
                    messages, chat_template=path.read_text(), tokenize=False, **variant
                )
            except Exception as error:  # A template refuses a conversation by any kind of error.
                text = None
            cases.append({'template': path.name, 'name': name, 'messages': messages, 'options': variant, 'text': text})
(FIXTURES / 'chat.json').write_text(json.dumps(cases, ensure_ascii=False, indent=1) + '\n')
print(len(cases), sum(case['text'] is None for case in cases))
