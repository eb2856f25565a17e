using System.ComponentModel;
using System.Text.Json;
using System.Text.RegularExpressions;
using BorgStore.Processes;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>The rclone shared by all stores of a process: started when it is needed, and restarted after it ended.</summary>
internal sealed partial class RcloneServerManager
{
    private static readonly Version MinVersion = new(1, 57);
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    // A pipeline that opens a store in each of its steps should not start rclone for each.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(1);

    private readonly object _lock = new();
    private readonly string? _program;
    private readonly TimeSpan _stallTimeout;
    private Task<RcloneServer>? _server;
    private int _stores;
    private int _departures;

    /// <summary>Initializes the service without starting rclone.</summary>
    /// <param name="program">The program; by default the value of <c>RCLONE_BINARY</c> when it is started.</param>
    /// <param name="stallTimeout">The time limit for rclone's response to a ping; half a minute by default.</param>
    public RcloneServerManager(string? program = null, TimeSpan? stallTimeout = null)
        => (_program, _stallTimeout) = (program, stallTimeout ?? TimeSpan.FromSeconds(30));

    /// <summary>How long after a lost connection the end of rclone may become known.</summary>
    internal TimeSpan ExitDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The service of this process.</summary>
    public static RcloneServerManager Shared { get; } = new();

    /// <summary>Registers a store that may need rclone.</summary>
    public void AddStore()
    {
        lock (_lock) _stores++;
    }

    /// <summary>Removes the registration of a store. Some time after the last one, rclone is stopped.</summary>
    public void RemoveStore()
    {
        int departure;
        lock (_lock)
        {
            if (--_stores > 0 || _server is null) return;
            departure = ++_departures;
        }
        _ = StopLaterAsync(departure);
    }

    /// <summary>Gets the running rclone, starting it if necessary.</summary>
    /// <param name="cancellationToken">A token to cancel the wait for its start.</param>
    public Task<RcloneServer> GetServerAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_server is { IsCompletedSuccessfully: true } ended && ended.Result.HasEnded)
            {
                _ = ended.Result.DisposeAsync().AsTask();
                _server = null;
            }
            if (_server is null or { IsFaulted: true }) _server = Task.Run(StartAsync, CancellationToken.None);
            return _server.IsCompletedSuccessfully ? _server : _server.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Stops rclone. The next use starts it again.</summary>
    public ValueTask StopAsync() => StopAsync(departure: null);

    private async ValueTask StopAsync(int? departure)
    {
        Task<RcloneServer>? server;
        lock (_lock)
        {
            if (departure is not null && (_stores > 0 || departure != _departures)) return;
            (server, _server) = (_server, null);
        }
        if (server is null) return;
        await ((Task)server).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (server.IsCompletedSuccessfully) await server.Result.DisposeAsync().ConfigureAwait(false);
    }

    private async Task StopLaterAsync(int departure)
    {
        await Task.Delay(IdleTimeout).ConfigureAwait(false);
        await StopAsync(departure).ConfigureAwait(false);
    }

    private async Task<RcloneServer> StartAsync()
    {
        var program = _program ?? (Environment.GetEnvironmentVariable("RCLONE_BINARY") is { Length: > 0 } named ? named : "rclone");
        if (RclonePassword.InFile() is { } password)
        {
            try
            {
                return await StartAsync(program, password).ConfigureAwait(false);
            }
            catch (RcloneFailure e) when (e.Error is StoreError.ConnectionLost or StoreError.AuthenticationFailed)
            {
                // A sandboxed rclone, such as one from a snap, cannot read the file.
            }
        }
        return await StartAsync(program, RclonePassword.InEnvironment()).ConfigureAwait(false);
    }

    private async Task<RcloneServer> StartAsync(string program, RclonePassword password)
    {
        ChildProcess? process = null;
        RcloneServer? server = null;
        try
        {
            process = Launch(program, RcloneEnvironment.Create(password));
            server = new RcloneServer(process, await WaitForAddressAsync(program, process).ConfigureAwait(false), password, _stallTimeout, ExitDelay);
            server.Version = await CheckVersionAsync(program, server).ConfigureAwait(false);
            return server;
        }
        catch
        {
            if (server is not null) await server.DisposeAsync().ConfigureAwait(false);
            else if (process is not null) await process.DisposeAsync().ConfigureAwait(false);
            password.Dispose();
            throw;
        }
    }

    private static ChildProcess Launch(string program, IReadOnlyDictionary<string, string?> environment)
    {
        try
        {
            return ChildProcess.Start(new ChildCommand(program, ["rcd"]) { Environment = environment, ExitTimeout = TimeSpan.FromMilliseconds(300) });
        }
        catch (Win32Exception e)
        {
            throw new RcloneFailure(StoreError.NotSupported,
                ChildProcess.DescribeMissing(program, e, $"Install rclone {MinVersion} or later, or set RCLONE_BINARY to its path"), e);
        }
    }

    // Rclone listens on a free port and writes the address to its log.
    private static async Task<Uri> WaitForAddressAsync(string program, ChildProcess process)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        while (true)
        {
            var exited = process.Exited.IsCompleted;
            var errors = process.Errors;
            if (AddressPattern().Match(errors) is { Success: true } match)
                return Uri.TryCreate(match.Groups[1].Value, UriKind.Absolute, out var address) ? address
                    : throw new RcloneFailure(StoreError.NotSupported, $"'{program} rcd' printed an invalid address: {match.Groups[1].Value}");
            if (exited)
            {
                await process.WaitAsync(TimeSpan.Zero).ConfigureAwait(false);
                throw new RcloneFailure(StoreError.NotSupported,
                    $"'{program} rcd' ended with status {await process.Exited.ConfigureAwait(false)} at startup: {process.Errors}");
            }
            if (timeout.IsCancellationRequested)
                throw new RcloneFailure(StoreError.Timeout, $"'{program} rcd' did not print its address within {StartTimeout.TotalSeconds} s");
            await Task.Delay(5).ConfigureAwait(false);
        }
    }

    private static async Task<Version> CheckVersionAsync(string program, RcloneServer server)
    {
        var version = await server.CallAsync("core/version", [], static answer =>
        {
            var numbers = answer.TryGetProperty("decomposed", out var decomposed) && decomposed.ValueKind == JsonValueKind.Array
                ? decomposed.EnumerateArray().Select(number => number.GetInt32()).ToList()
                : [];
            return numbers.Count >= 2 ? new Version(numbers[0], numbers[1]) : new Version(0, 0);
        }, CancellationToken.None).ConfigureAwait(false);
        return version >= MinVersion
            ? version
            : throw new RcloneFailure(StoreError.NotSupported,
                $"'{program}' is rclone {version}, but {MinVersion} or later is required. Install that, or set RCLONE_BINARY to its path");
    }

    [GeneratedRegex(@"remote control on (http://127\.0\.0\.1:\d+/)")]
    private static partial Regex AddressPattern();
}
