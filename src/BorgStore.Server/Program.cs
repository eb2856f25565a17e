using System.Reflection;
using System.Runtime.InteropServices;
using BorgStore;
using BorgStore.Server;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine(CommandLine.Help);
    return 0;
}
if (args.Contains("--version"))
{
    Console.WriteLine($"borgstore-server-rest {Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]}");
    return 0;
}

try
{
    await using var server = new RestServer(CommandLine.Parse(args));
    // What runs is finished, and what was stored is flushed.
    using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
    await server.StartAsync();
    await server.WaitForShutdownAsync();
    return 0;

    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        server.Stop();
    }
}
catch (StoreException e)
{
    Console.Error.WriteLine($"borgstore-server-rest: {e.Message}");
    return 2;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException or System.Security.Cryptography.CryptographicException)
{
    Console.Error.WriteLine($"borgstore-server-rest: {e.Message}");
    return 1;
}
