using System.ComponentModel;
using System.Text;
using System.Text.RegularExpressions;
using BorgStore.Processes;

namespace BorgStore.PowerShell.Server;

/// <summary>A REST server that runs as a child process and never outlives this process.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private const string Prefix = "borgstore-server-rest: ";
    private const int UsageErrorStatus = 2;

    // The exit code of the .NET host when a framework is missing; Unix keeps only its lowest byte.
    private const int FrameworkMissing = unchecked((int)0x80008096);

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    private readonly ChildProcess _child;
    private readonly object _lock = new();
    private Task? _end;

    private ServerProcess(ChildProcess child, ServerLog log, string url) => (_child, Log, Url) = (child, log, url);

    public int Id => _child.Id;

    /// <summary>The URL that it listens on.</summary>
    public string Url { get; }

    public ServerLog Log { get; }

    public bool HasEnded => _child.Exited.IsCompleted;

    /// <summary>Starts a server and waits until it listens.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="cancellationToken">A token to cancel the operation, which also ends the server.</param>
    /// <returns>The server.</returns>
    public static async Task<ServerProcess> StartAsync(ServerSettings settings, CancellationToken cancellationToken)
    {
        var log = new ServerLog();
        var child = Launch(settings.ToCommand(ServerProgram.Find(), log.Add));
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(StartTimeout);
            var addresses = await ReadLineAsync(child, timeout.Token);
            return addresses is null ? throw await ExplainAsync(child) : new(child, log, ToUrl(addresses.Split(' ')[0]));
        }
        catch (Exception e)
        {
            child.Kill();
            await child.DisposeAsync();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw new StoreException(StoreError.Timeout, $"The server did not listen within {StartTimeout.TotalSeconds} s and was stopped. {child.Errors}", innerException: e);
            throw;
        }
    }

    /// <summary>Waits until the server has ended.</summary>
    /// <returns>The reason, as far as it is known, or <see langword="null"/> if the server was told to end.</returns>
    public async Task<string?> WaitForFailureAsync()
    {
        var status = await _child.Exited;
        lock (_lock)
        {
            if (_end is not null) return null;
        }
        await DisposeAsync();
        return $"status {status}. {FindWords(_child.Errors)}".TrimEnd();
    }

    /// <summary>Kills the server.</summary>
    public async Task KillAsync()
    {
        var end = DisposeAsync();
        _child.Kill();
        await end;
    }

    /// <summary>Lets requests in progress finish, and ends the server.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock) return new(_end ??= _child.DisposeAsync().AsTask());
    }

    private static ChildProcess Launch(ChildCommand command)
    {
        try
        {
            return ChildProcess.Start(command);
        }
        catch (Win32Exception e)
        {
            throw new StoreException(StoreError.NotSupported, $"The server could not be started: {e.Message.TrimEnd('.')}. {ServerProgram.Advice}", innerException: e);
        }
    }

    private static async Task<string?> ReadLineAsync(ChildProcess child, CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        var buffer = new byte[1024];
        while (await child.Stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            line.Append(Encoding.ASCII.GetString(buffer, 0, count));
            if (line.ToString().IndexOf('\n') is >= 0 and var end) return line.ToString(0, end).TrimEnd('\r');
        }
        return null;
    }

    private static async Task<StoreException> ExplainAsync(ChildProcess child)
    {
        var status = await child.WaitAsync(TimeSpan.FromSeconds(10));
        if (status is { } code && (code & 0xff) == (FrameworkMissing & 0xff))
            return new(StoreError.NotSupported, $"The server needs a component of .NET that was not found. {ServerProgram.Advice}");
        var words = FindWords(child.Errors) is { Length: > 0 } told ? told : $"it exited with status {status} without a message.";
        return new(status == UsageErrorStatus ? StoreError.InvalidArgument : StoreError.BackendFailure, $"The server did not start: {words}");
    }

    // Returns the server's last message, which follows its name; without one, any other output of the system or .NET.
    private static string FindWords(string errors)
        => errors.LastIndexOf(Prefix, StringComparison.Ordinal) is >= 0 and var start
            ? ServerSettings.Translate(errors[(start + Prefix.Length)..].Replace(" See --help.", "", StringComparison.Ordinal))
            : QuietLines().Replace(errors, "").Trim();

    // A server on all addresses is reached at the loopback address.
    private static string ToUrl(string address)
        => address.Replace("//0.0.0.0:", "//127.0.0.1:", StringComparison.Ordinal).Replace("//[::]:", "//[::1]:", StringComparison.Ordinal);

    // Matches log lines that are not about problems.
    [GeneratedRegex(@"^\S+Z (?:trace|debug|info ) .*\n?", RegexOptions.Multiline)]
    private static partial Regex QuietLines();
}
