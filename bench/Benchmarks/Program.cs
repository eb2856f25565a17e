using BenchmarkDotNet.Running;
using BorgStore.Benchmarks;

if (args is ["blake3-file", .. var rest])
    return Blake3FileRace.Run(rest);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
