import { shareCores } from '../../runtime/ort/node/options.ts';

// As many files run at once as there are cores: threads take the cores from other files.
shareCores();
