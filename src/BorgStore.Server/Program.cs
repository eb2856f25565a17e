using System.Reflection;
using System.Runtime.InteropServices;
using BorgStore;
using BorgStore.Server;
using BorgStore.Server.Hosting;
using BorgStore.Server.Management;

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

if (args is ["user" or "check", ..]) return RunCommand();

if (OpenFiles.GetLimit() is < OpenFiles.Minimum and var files)
{
    Console.Error.WriteLine($"borgstore-server-rest: This process can open at most {files} files, but the server needs at least {OpenFiles.Minimum}. Raise the limit (ulimit -n, LimitNOFILE=).");
    return 1;
}

try
{
    var options = CommandLine.Parse(args);
    await using var server = new RestServer(options);
    // Stopping finishes the requests in progress and flushes stored values.
    using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    // The end of a session ends what was started in it; a service with users reads its files.
    using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, options.Root is null || options.Attached ? Stop : Reload);
    await server.StartAsync();
    if (options.Attached) Attach();
    await server.WaitForShutdownAsync();
    return 0;

    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        server.Stop();
    }

    void Reload(PosixSignalContext signal)
    {
        signal.Cancel = true;
        server.Reload();
    }

    void Attach()
    {
        Console.Out.WriteLine(string.Join(' ', server.Addresses));
        // A read from a pipe blocks its thread.
        new Thread(WaitForEndOfInput) { IsBackground = true, Name = "stdin" }.Start();
    }

    void WaitForEndOfInput()
    {
        try
        {
            Console.OpenStandardInput().CopyTo(Stream.Null);
        }
        catch (IOException)
        {
            // A broken pipe is an end of input too.
        }
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

int RunCommand()
{
    try
    {
        if (args[0] == "check") return CheckCommand.Run(args[1..], Console.Out);
        // Another program writes UTF-8, whatever the console of this one has.
        UserCommand.Run(args[1..], Console.IsInputRedirected ? new StreamReader(Console.OpenStandardInput()) : Console.In, Console.Out);
        return 0;
    }
    catch (Exception e) when (e is StoreException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"borgstore-server-rest: {e.Message}");
        return e is not StoreException refused ? 1 : refused.Error switch
        {
            StoreError.ObjectNotFound => 3,
            StoreError.ObjectAlreadyExists => 4,
            _ => 2,
        };
    }
}
