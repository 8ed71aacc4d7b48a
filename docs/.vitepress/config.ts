import { defineConfig } from 'vitepress';

const howTo = (names: Record<string, string>) =>
  Object.entries(names).map(([name, text]) => ({ text, link: `/how-to/${name}` }));

export default defineConfig({
  title: 'onnsight',
  description: 'See inside and steer any ONNX model from TypeScript.',
  srcExclude: ['build/**'],
  rewrites: { 'README.md': 'index.md' },
  // Pages link to files of the repository, which are not part of the site.
  ignoreDeadLinks: [/\.\.\/(\.\.\/)?(examples|README|SECURITY|CHANGELOG|bundle)/, /reference/],
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: [
      {
        text: 'Start',
        items: [
          { text: 'Overview', link: '/' },
          { text: 'Installation', link: '/installation' },
          { text: 'Concepts', link: '/concepts' },
          { text: 'Coming from nnsight', link: '/from-nnsight' },
          { text: 'Coming from TransformerLens', link: '/from-transformerlens' },
        ],
      },
      {
        text: 'How to',
        items: howTo({
          'logit-lens': 'Logit lens',
          'direct-logit-attribution': 'Direct logit attribution',
          'attention-patterns': 'Attention patterns',
          'induction-heads': 'Induction-head scores',
          'activation-patching': 'Activation patching',
          'activation-patching-by-head': 'Activation patching by head',
          'path-patching': 'Path patching',
          'attention-knockout': 'Attention knock-out',
          ablation: 'Mean and resample ablation',
          'facts-by-layer': 'What a fact depends on, by layer',
          'causal-tracing': 'Causal tracing with noise',
          'function-vectors': 'Function vectors',
          steering: 'A contrastive steering vector',
          'project-out': 'A direction projected out',
          sae: 'Features of an autoencoder',
          pca: 'PCA of activations',
          probe: 'A probe by least squares',
          'ov-circuit': 'Singular values of an OV circuit',
          streaming: 'Activations to disk and back',
          'generation-values': 'A value per generated token',
          'different-lengths': 'Prompts of different lengths',
        }),
      },
      {
        text: 'In detail',
        items: [
          { text: 'Traces', link: '/tracing' },
          { text: 'What a block may contain', link: '/blocks' },
          { text: 'Language models', link: '/language-models' },
          { text: 'Gradients', link: '/gradients' },
          { text: 'Analysis', link: '/analysis' },
          { text: 'Plots', link: '/plots' },
          { text: 'Bundles', link: '/bundles' },
          { text: 'Files of models', link: '/model-files' },
          { text: 'Serving models', link: '/serve' },
          { text: 'A fleet', link: '/fleet' },
          { text: 'Hosts', link: '/hosts' },
          { text: 'Performance', link: '/performance' },
          { text: 'Devices', link: '/devices' },
          { text: 'Gotchas', link: '/gotchas' },
          { text: 'Errors', link: '/errors' },
        ],
      },
      {
        text: 'Reference',
        items: ['onnsight', 'onnsight-analysis', 'onnsight-plots', 'onnsight-bundle', 'onnsight-serve'].map((name) => ({
          text: name.replace('-', '/'),
          link: `/reference/${name}`,
        })),
      },
    ],
  },
});
