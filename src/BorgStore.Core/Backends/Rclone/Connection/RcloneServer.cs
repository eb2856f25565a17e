using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using BorgStore.Processes;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>A running <c>rclone rcd</c>, which is controlled over HTTP on a loopback port.</summary>
/// <remarks>
/// Rclone itself gives up on a remote that stalls. While any call is running, rclone
/// is pinged; so a call may take as long as it needs, but none waits forever.
/// </remarks>
internal sealed class RcloneServer : IAsyncDisposable
{
    /// <summary>The group of all calls. Without it rclone would keep separate
    /// statistics of each call forever, with a timer for each upload.</summary>
    public const string Group = "borgstore";

    private const int MaxOwnExitCode = 127;

    private readonly ConcurrentDictionary<string, Task<RcloneRemote>> _remotes = new();
    private readonly ChildProcess _process;
    private readonly RclonePassword _password;
    private readonly HttpClient _client;
    private readonly TimeSpan _stallTimeout;
    private readonly TimeSpan _exitDelay;
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _heartbeat;
    private int _activeCalls;
    private volatile bool _isStalled;

    /// <summary>Initializes a server for a process that is already listening.</summary>
    /// <param name="process">The process, which this object then owns.</param>
    /// <param name="address">Its address.</param>
    /// <param name="password">Its password, which this object then owns.</param>
    /// <param name="stallTimeout">The time limit for its response to a ping.</param>
    /// <param name="exitDelay">How long after a lost connection the end of the process may become known.</param>
    public RcloneServer(ChildProcess process, Uri address, RclonePassword password, TimeSpan stallTimeout, TimeSpan exitDelay)
    {
        _process = process;
        _password = password;
        _stallTimeout = stallTimeout;
        _exitDelay = exitDelay;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            // Draining more of an unwanted response is not worth the time.
            MaxResponseDrainSize = 256 * 1024,
        };
        _client = new HttpClient(handler) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", password.Credential);
        Forms = new RcloneFormSender(this);
        _heartbeat = WatchAsync();
    }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>The address that it listens on.</summary>
    public Uri Address => _client.BaseAddress!;

    /// <summary>Whether the process has ended.</summary>
    public bool HasEnded => _process.Exited.IsCompleted;

    /// <summary>The version of rclone.</summary>
    public Version Version { get; set; } = new(0, 0);

    /// <summary>The source from which rclone fetches values for upload.</summary>
    public RcloneUploadServer Uploads { get; } = new();

    /// <summary>The sender of small values to rclone.</summary>
    public RcloneFormSender Forms { get; }

    /// <summary>Gets the capabilities of a remote, opening it on first use.</summary>
    /// <param name="remote">The remote.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<RcloneRemote> GetRemoteAsync(string remote, CancellationToken cancellationToken)
    {
        var opening = _remotes.GetOrAdd(remote, static (remote, server) => server.OpenRemoteAsync(remote), this);
        try
        {
            return await opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (RcloneFailure)
        {
            // Let the next caller retry.
            _remotes.TryRemove(new KeyValuePair<string, Task<RcloneRemote>>(remote, opening));
            throw;
        }
        catch (Exception e) when (RcloneResponse.IsConnectionLoss(e, cancellationToken))
        {
            // Another caller found that the process has ended, and disposed it.
            throw await ExplainAsync(e).ConfigureAwait(false);
        }
    }

    /// <summary>Calls a command and ignores the content of its response.</summary>
    /// <param name="command">The command, such as <c>operations/mkdir</c>.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="cancellationToken">A token to cancel the call; rclone then stops the job.</param>
    public Task<bool> CallAsync(string command, JsonObject parameters, CancellationToken cancellationToken)
        => CallAsync(Request(command, parameters), cancellationToken);

    /// <summary>Calls a command and ignores the content of its response.</summary>
    /// <param name="call">The call.</param>
    /// <param name="cancellationToken">A token to cancel the call; rclone then stops the job.</param>
    public async Task<bool> CallAsync(HttpRequestMessage call, CancellationToken cancellationToken)
    {
        using var answer = await BeginCallAsync(call, cancellationToken).ConfigureAwait(false);
        return await answer.ReadAsync(static _ => true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Calls a command and reads its response.</summary>
    /// <param name="command">The command, such as <c>operations/stat</c>.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="read">Reads the response. Any exception that it throws is reported as a malformed response.</param>
    /// <param name="cancellationToken">A token to cancel the call; rclone then stops the job.</param>
    public async Task<T> CallAsync<T>(string command, JsonObject parameters, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        using var answer = await BeginCallAsync(command, parameters, cancellationToken).ConfigureAwait(false);
        return await answer.ReadAsync(read, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Calls a command with a long response.</summary>
    /// <param name="command">The command, such as <c>operations/list</c>.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="cancellationToken">A token to cancel the call; rclone then stops the job.</param>
    /// <returns>The response, of which only the header has been read.</returns>
    public Task<RcloneResponse> BeginCallAsync(string command, JsonObject parameters, CancellationToken cancellationToken)
        => BeginCallAsync(Request(command, parameters), cancellationToken);

    private async Task<RcloneResponse> BeginCallAsync(HttpRequestMessage call, CancellationToken cancellationToken)
    {
        var answer = await SendAsync(call, cancellationToken).ConfigureAwait(false);
        if (answer.IsSuccess) return answer;
        using (answer) throw await answer.ReadFailureAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The response, which may report a failure, and of which only the header has been read.</returns>
    public async Task<RcloneResponse> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _activeCalls);
        try
        {
            using (request)
            {
                var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                    .ConfigureAwait(false);
                return new RcloneResponse(this, response, () => Interlocked.Decrement(ref _activeCalls));
            }
        }
        catch (Exception e)
        {
            Interlocked.Decrement(ref _activeCalls);
            if (RcloneResponse.IsConnectionLoss(e, cancellationToken)) throw await ExplainAsync(e).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Finds out why rclone is no longer reachable.</summary>
    /// <param name="cause">The exception that showed it.</param>
    public async Task<RcloneFailure> ExplainAsync(Exception cause)
    {
        // The connection ends shortly before the process.
        var status = await _process.WaitAsync(_exitDelay).ConfigureAwait(false);
        if (_isStalled) return new RcloneFailure(StoreError.Timeout, "rclone stopped responding and was terminated", cause);
        if (status is null) return new RcloneFailure(StoreError.ConnectionLost, $"the connection to rclone was lost ({cause.Message})", cause);
        // The last log line of a killed process is about something else.
        var said = status > MaxOwnExitCode ? null : RcloneFailure.FromLog(_process.Errors);
        return said is null ? new RcloneFailure(StoreError.ConnectionLost, $"rclone ended with status {status} while it was in use", cause)
            : new RcloneFailure(said.Error == StoreError.AuthenticationFailed ? said.Error : StoreError.ConnectionLost,
                $"rclone ended with status {status}, and said: {said.Message}", cause);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        await _heartbeat.ConfigureAwait(false);
        _client.Dispose();
        Uploads.Dispose();
        await _process.DisposeAsync().ConfigureAwait(false);
        _password.Dispose();
        _ended.Dispose();
    }

    private static HttpRequestMessage Request(string command, JsonObject parameters)
    {
        parameters["_group"] = Group;
        return new(HttpMethod.Post, command)
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(parameters))
            {
                // Old versions compare the whole header, so it must not contain the character set.
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            },
        };
    }

    private async Task<RcloneRemote> OpenRemoteAsync(string remote)
    {
        return await CallAsync("operations/fsinfo", new JsonObject { ["fs"] = remote },
            info => new RcloneRemote(remote, info, Version), _ended.Token).ConfigureAwait(false);
    }

    private async Task WatchAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(_stallTimeout / 2);
            while (await timer.WaitForNextTickAsync(_ended.Token).ConfigureAwait(false))
                if (Volatile.Read(ref _activeCalls) > 0 && !await IsAliveAsync().ConfigureAwait(false))
                {
                    _isStalled = true;
                    _process.Kill();
                    return;
                }
        }
        catch (OperationCanceledException)
        {
            // The server is being disposed.
        }
    }

    private async Task<bool> IsAliveAsync()
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        timeout.CancelAfter(_stallTimeout);
        try
        {
            using var response = await _client.SendAsync(Request("rc/noop", []), HttpCompletionOption.ResponseHeadersRead, timeout.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!_ended.IsCancellationRequested)
        {
            return false;
        }
        catch (HttpRequestException)
        {
            // The process has ended, which the waiting calls notice themselves.
            return true;
        }
    }
}
