using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;

namespace BorgStore.Backends.Sftp;

/// <summary>A store on an SFTP server, reached over the user's own ssh.</summary>
/// <remarks>
/// Requests are many at a time on each connection, and no request is made for what another one tells as well. An operation whose
/// connection is lost is done again over a new one, after finding out how much of it was done already.
/// </remarks>
internal sealed partial class SftpBackend : IBackend
{
    private readonly SftpUrl _url;
    private readonly string _shownUrl;
    private readonly string _root;
    private readonly Durability _durability;
    private readonly ConnectionPool _pool;
    private readonly OperationGate _gate = new();
    private bool _isOpen;

    /// <summary>Makes a backend. Nothing is connected yet.</summary>
    /// <param name="url">Where the store is.</param>
    /// <param name="options">What is said besides.</param>
    public SftpBackend(SftpUrl url, BackendOptions options)
        : this(url, options, new SshConnector(url).ConnectAsync)
    {
    }

    internal SftpBackend(SftpUrl url, BackendOptions options, Func<CancellationToken, ValueTask<ISftpTransport>> connect)
    {
        _url = url;
        _shownUrl = $"sftp://{url.Server}/{url.Path}";
        _root = url.Path;
        _durability = options.Durability;
        _pool = new(async cancellationToken => await SftpConnection.OpenAsync(
            await connect(cancellationToken).ConfigureAwait(false), url.Timeout, cancellationToken).ConfigureAwait(false), url.Connections);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        var (wasOpen, idle) = _gate.Close();
        if (!wasOpen) return;
        await idle.ConfigureAwait(false);
        try
        {
            await FlushLastAsync().ConfigureAwait(false);
        }
        finally
        {
            await _pool.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Runs an operation, again where its connection was lost. The caller may leave early; the operation then still
    /// tidies up, and disposing waits for that.</summary>
    private ValueTask<T> RunAsync<T>(Func<SftpConnection, Call, Task<T>> operation, CancellationToken cancellationToken)
    {
        var task = RepeatAsync(operation, cancellationToken);
        return new(cancellationToken.CanBeCanceled && !task.IsCompleted ? LeaveEarlyAsync(task, cancellationToken) : task);
    }

    private static async Task<T> LeaveEarlyAsync<T>(Task<T> task, CancellationToken cancellationToken)
    {
        try
        {
            return await task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = Abandoned.DropAsync(task);
            throw;
        }
    }

    private async Task<T> RepeatAsync<T>(Func<SftpConnection, Call, Task<T>> operation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var pass = _gate.Enter(_shownUrl);
        if (!_isOpen) throw new StoreException(StoreError.StoreNotOpen, $"The store '{_shownUrl}' is not open.", _shownUrl);
        return await RepeatUngatedAsync(operation, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> RepeatUngatedAsync<T>(Func<SftpConnection, Call, Task<T>> operation, CancellationToken cancellationToken)
    {
        var call = new Call(_url.Timeout, cancellationToken);
        while (true)
        {
            SftpConnection? connection = null;
            try
            {
                connection = await _pool.GetAsync(cancellationToken).ConfigureAwait(false);
                if (!_abandoned.IsEmpty) await ClearAbandonedAsync(connection).ConfigureAwait(false);
                return await operation(connection, call).ConfigureAwait(false);
            }
            catch (StoreException e) when (call.MayRepeat(e, connection is null ? _pool.HasConnected : connection.Failure is not null))
            {
                // The next round goes over a new connection.
            }
            catch (ProtocolException e)
            {
                // The packets are whole, so that the connection is fine for others.
                throw SftpConnection.Broken(e).ToException();
            }
            await call.PauseAsync().ConfigureAwait(false);
        }
    }

    private string ToPath(string name) => name.Length == 0 ? _root : $"{_root}/{name}";

    private static string? ParentOf(string name) => name.LastIndexOf('/') is > 0 and var slash ? name[..slash] : null;

    /// <summary>The exception for a request that the server refused.</summary>
    private StoreException Refused(in Reply reply, string task, string name)
    {
        var shown = name.Length == 0 ? _shownUrl : name;
        var error = reply.Status switch
        {
            StatusCode.NoSuchFile when name.Length > 0 => StoreError.ObjectNotFound,
            StatusCode.PermissionDenied or StatusCode.WriteProtected => StoreError.PermissionDenied,
            StatusCode.NoSpace => StoreError.NoSpace,
            StatusCode.QuotaExceeded => StoreError.QuotaExceeded,
            StatusCode.Unsupported => StoreError.NotSupported,
            _ => StoreError.BackendFailure,
        };
        // What the server says may name its own paths, which are nobody's business.
        var said = reply.Message is { Length: > 0 } message && !message.Contains('/')
            ? $"the server says: {message.Trim()}"
            : $"the server says: {Describe(reply.Status)}";
        if (name.Length == 0 && reply.Status is StatusCode.NoSuchFile or StatusCode.PermissionDenied)
            said += ". A server that shows only a part of its files (chroot) takes paths from there on";
        return StoreException.While(error, $"{task} '{shown}'", shown, said);
    }

    // Where the server has no words, or some with a path in them.
    private static string Describe(StatusCode status) => status switch
    {
        StatusCode.NoSuchFile => "no such file or folder",
        StatusCode.PermissionDenied => "permission denied",
        StatusCode.Failure => "failure, and no more than that",
        StatusCode.BadMessage => "bad message",
        StatusCode.Unsupported => "operation unsupported",
        StatusCode.WriteProtected => "write-protected",
        StatusCode.NoSpace => "no space left",
        StatusCode.QuotaExceeded => "quota exceeded",
        _ => $"status {(uint)status}, which has no words",
    };

    private static StoreException AlreadyExists(string name)
        => new(StoreError.ObjectAlreadyExists, $"There is an item '{name}' already, and it was not to be replaced.", name);
}
