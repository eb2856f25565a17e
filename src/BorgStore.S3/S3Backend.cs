using System.Net;
using Amazon.Runtime;
using BorgStore.Backends.Files;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3;

/// <summary>A store below a path in a bucket of S3, B2 or any other server that speaks S3.</summary>
/// <remarks>
/// <para>A value is the object of its nested name. A directory is what the names suggest; a marker, an empty object with a slash at its
/// end, makes an empty one, as in the Python package. Markers are read and never required.</para>
/// <para>The server answers when a value is safe, so flushing has nothing left to do.</para>
/// </remarks>
public sealed partial class S3Backend : IBackend
{
    private readonly S3Url _url;
    private readonly NetworkCredential? _credential;
    private readonly OpenGate _gate = new();
    private S3Connection? _connection;
    private S3Bucket? _bucket;
    private Task<bool>? _conditionalWrites;

    internal S3Backend(S3Url url, NetworkCredential? credential) => (_url, _credential) = (url, credential);

    /// <summary>Makes a backend for a URL. Nothing is looked at yet.</summary>
    /// <param name="url">The URL of a store.</param>
    /// <param name="options">What it is told besides; access key and secret key may come as its credential.</param>
    public static IBackend Create(string url, BackendOptions options) => new S3Backend(S3Url.Parse(url), options.Credential);

    /// <summary>Makes the schemes <c>s3</c> and <c>b2</c> known. Only a program that keeps this assembly in another place than beside
    /// Core has to call it.</summary>
    public static void Register()
    {
        BackendFactory.Register("s3", Create);
        BackendFactory.Register("b2", Create);
    }

    /// <summary>The most that one request has the server copy [bytes].</summary>
    internal long LargestCopy { get; init; } = PartSizes.LargestCopy;

    /// <summary>How often what failed on the way is tried; tests shorten it.</summary>
    internal int Attempts { get; init; } = S3Connection.DefaultAttempts;

    private string Root => _url.Path + "/";

    private S3Bucket Bucket => _bucket ?? throw new StoreException(StoreError.StoreNotOpen, "The store is not open.", _url.Shown);

    /// <inheritdoc/>
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        if (!await IsEmptyAsync("create", cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.StoreAlreadyExists,
                $"Cannot create '{_url.Shown}': there is something below that path already. Choose another path, or open what is there.", _url.Shown);
        await TryAsync($"create the store '{_url.Shown}'", _url.Shown,
            () => Bucket.PutAsync(Root, default, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (_gate.IsOpen) throw new StoreException(StoreError.StoreIsOpen, $"The store '{_url.Shown}' is open already.", _url.Shown);
        if (await IsEmptyAsync("open", cancellationToken).ConfigureAwait(false)) throw DoesNotExist("open");
        _gate.Open();
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken)
    {
        if (_gate.IsOpen) throw new StoreException(StoreError.StoreIsOpen, $"The store '{_url.Shown}' is open. Close it first.", _url.Shown);
        if (await IsEmptyAsync("destroy", cancellationToken).ConfigureAwait(false)) throw DoesNotExist("destroy");
        if (await TryAsync($"destroy the store '{_url.Shown}'", _url.Shown, () => FindForeignAsync(cancellationToken)).ConfigureAwait(false) is { } foreign)
            throw ForeignContent.Refuse(_url.Shown, foreign);
        var (left, reason) = await TryAsync($"destroy the store '{_url.Shown}'", _url.Shown, () => DeleteAllAsync(cancellationToken)).ConfigureAwait(false);
        await foreach (var upload in ListUploadsAsync(cancellationToken).ConfigureAwait(false))
            await AbortAsync(upload.Key, upload.UploadId, cancellationToken).ConfigureAwait(false);
        if (reason is var (error, why))
            throw StoreException.While(error, $"destroy the store '{_url.Shown}' wholly", _url.Shown, $"{left} items are left, the first because {why} The rest is gone.");
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return ValueTask.FromResult(default(QuotaInfo));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _gate.CloseAsync().ConfigureAwait(false);
        _connection?.Dispose();
    }

    private string KeyOf(string name) => Root + name;

    private string DirectoryKeyOf(string name) => name.Length == 0 ? Root : Root + name + "/";

    // The first question to the server, which also tells where the bucket is.
    private async Task<bool> IsEmptyAsync(string action, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Finding credentials may ask the machine's metadata service, and blocks.
        var connection = await Task.Run(() => S3Connection.Open(_url, _credential, Attempts), cancellationToken).ConfigureAwait(false);
        Use(connection);
        return await TryAsync($"{action} the store '{_url.Shown}'", _url.Shown, async () =>
        {
            try
            {
                return await AskAsync().ConfigureAwait(false);
            }
            catch (AmazonServiceException e) when (S3Errors.FindRegion(e) is { } region)
            {
                Use(connection.InRegion(region));
                return await AskAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (S3Errors.IsFailure(e) && connection.Endpoint is not null)
            {
                if (await HttpFailure.FindTlsAsync(connection.Endpoint, cancellationToken).ConfigureAwait(false) is not { } why) throw;
                throw new UnreachableException(why, e);
            }
        }).ConfigureAwait(false);

        async Task<bool> AskAsync()
            => (await Bucket.ListAsync(Root, oneLevel: false, continuation: null, max: 1, cancellationToken).ConfigureAwait(false)).S3Objects is not { Count: > 0 };
    }

    private void Use(S3Connection connection)
    {
        _connection?.Dispose();
        _connection = connection;
        _bucket = new(connection, _url.Bucket) { LargestCopy = LargestCopy, ListAttempts = Math.Min(Attempts, S3Bucket.DefaultListAttempts) };
    }

    // Deletes page by page, while the next page is listed.
    private async Task<string?> FindForeignAsync(CancellationToken cancellationToken)
    {
        await foreach (var page in PagesAsync(Root, oneLevel: false, cancellationToken).ConfigureAwait(false))
        {
            foreach (var item in page.S3Objects ?? [])
            {
                // A directory is an object whose name ends in a slash.
                var name = S3Bucket.Decode(item.Key)[Root.Length..].TrimEnd('/');
                if (name.Length > 0 && ForeignContent.IsIn(name)) return name;
            }
        }
        return null;
    }

    private async Task<(int Left, (StoreError, string)? Reason)> DeleteAllAsync(CancellationToken cancellationToken)
    {
        var left = 0;
        (StoreError, string)? reason = null;
        var deleting = Task.CompletedTask;
        await foreach (var page in PagesAsync(Root, oneLevel: false, cancellationToken).ConfigureAwait(false))
        {
            await deleting.ConfigureAwait(false);
            deleting = DeletePageAsync([.. (page.S3Objects ?? []).Select(item => S3Bucket.Decode(item.Key))]);
        }
        await deleting.ConfigureAwait(false);
        return (left, reason);

        async Task DeletePageAsync(List<string> keys)
        {
            if (keys.Count == 0) return;
            foreach (var error in await Bucket.DeleteAsync(keys, cancellationToken).ConfigureAwait(false))
            {
                left++;
                reason ??= S3Errors.Explain(error.Code, error.Message);
            }
        }
    }

    private StoreException DoesNotExist(string action)
        => new(StoreError.StoreDoesNotExist, $"Cannot {action} '{_url.Shown}': there is no store below that path in the bucket.", _url.Shown);

    private static async Task<T> TryAsync<T>(string action, string? name, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e))
        {
            throw S3Errors.ToStoreException(e, action, name);
        }
    }

    private static async Task TryAsync(string action, string? name, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e))
        {
            throw S3Errors.ToStoreException(e, action, name);
        }
    }
}
