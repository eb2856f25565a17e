using BenchmarkDotNet.Running;
using BorgStore.Benchmarks;

if (args is ["cache", .. var scale])
    return await CacheScale.RunAsync(scale);
if (args is ["sftp", .. var turn])
    return await SftpRun.RunAsync(turn);
if (args is ["rclone", .. var trip])
    return await RcloneRun.RunAsync(trip);

// In this process: a project that BenchmarkDotNet generates would not find this one, which isn't named as its assembly is.
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([.. args, "--inProcess"]);
return 0;
