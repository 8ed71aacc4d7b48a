/** `npm run fuzz -- <what>`: random inputs until told otherwise; what is wrong is shown as small as it can be made. */
import { program } from 'commander';
import { language } from '../compiler/fuzz/command.ts';

await program.name('fuzz').addCommand(language).parseAsync();
