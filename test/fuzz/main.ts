/** `npm run fuzz -- <what>`: random inputs until stopped; failures are shown as small as they can be made. */
import { program } from 'commander';
import { language } from '../compiler/fuzz/command.ts';
import { gradients } from '../gradients/fuzz/command.ts';
import { inputs } from './inputs/command.ts';

await program.name('fuzz').addCommand(language).addCommand(gradients).addCommand(inputs).parseAsync();
