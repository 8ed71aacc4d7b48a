/* Names of inputs and outputs of encoder-decoders, apart from what reads files: loaders of bundles need no more. */

/** What the decoder continues: int64 [batch, decoder sequence]. */
export const DECODER_TOKEN_IDS = 'decoder_input_ids';
/** What the decoder takes of the encoder: float [batch, encoder sequence, features]. */
export const ENCODER_STATES = 'encoder_hidden_states';
/** The same as an output of the whole model. */
export const ENCODER_OUTPUT = 'encoder_last_hidden_state';
