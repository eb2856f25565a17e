using System.Text.Json.Nodes;
using BorgStore.Backends.Files;
using BorgStore.Naming;

namespace BorgStore.Backends.Rclone;

/// <summary>A store on any storage that rclone reaches.</summary>
/// <remarks>
/// <para>Where the storage can show a value that is not yet whole, a value is uploaded under another name and then renamed. Replacing an
/// item that way is one step on a local disk, and with rclone 1.63 or later; older versions delete the old item first, so that
/// for a moment there is none.</para>
/// <para>Of those who create the same item at once in this process, one wins. Rclone has no way to promise that between processes.</para>
/// <para>When a value is safe from a power cut is up to the storage; rclone has no call for that.</para>
/// </remarks>
internal sealed partial class RcloneBackend : IBackend
{
    private const int Attempts = 4;

    // An object store knows no directories, so that this says of an empty store that it is one.
    private const string MarkerName = "store" + Suffixes.Hidden;

    private static readonly NameLocks Locks = new();

    private readonly RcloneTarget _target;
    private readonly RcloneService _service;
    private readonly OpenGate _gate = new();
    private int _disposed;

    /// <summary>Names a store; nothing is looked at yet.</summary>
    /// <param name="url">Its URL, such as <c>rclone:remote:path</c>.</param>
    public RcloneBackend(string url)
        : this(url, RcloneService.Shared)
    {
    }

    internal RcloneBackend(string url, RcloneService service)
    {
        _target = RcloneTarget.Parse(url);
        _service = service;
        _service.AddStore();
    }

    /// <summary>The pause before the second attempt; each further one is four times as long.</summary>
    internal TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends the one rclone of this process, for when the library is unloaded. A store that is still open starts it anew.</summary>
    public static ValueTask StopSharedProcessAsync() => RcloneService.Shared.StopAsync();

    /// <inheritdoc/>
    public Task CreateAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        return RunAsync("create", "", canRepeat: false, async (server, remote) =>
        {
            var contents = await ListRootAsync(server, cancellationToken).ConfigureAwait(false);
            if (contents?.Exists(item => !SystemFolders.IsOfFileSystem(item.Name)) == true)
                throw new RcloneFailure(StoreError.StoreAlreadyExists, "there is something at that place already. Choose another, or open the store");
            await server.CallAsync("operations/mkdir", On(""), cancellationToken).ConfigureAwait(false);
            return !remote.HasOnlyPrefixes || await UploadAsync(server, MarkerName, default, cancellationToken).ConfigureAwait(false);
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task DestroyAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        return RunAsync("destroy", "", canRepeat: false, async (server, remote) =>
        {
            await CheckExistsAsync(server, remote, cancellationToken).ConfigureAwait(false);
            if (await FindForeignAsync(server, cancellationToken).ConfigureAwait(false) is { } foreign) throw ForeignContent.Refuse($"rclone:{_target.Shown}", foreign);
            await PurgeAsync(server, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        await RunAsync("open", "", canRepeat: true, async (server, remote) =>
        {
            if (remote.ServedName is null)
                throw new RcloneFailure(StoreError.NotSupported, "rclone cannot serve a path that contains ']'");
            await CheckExistsAsync(server, remote, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
        _gate.Open();
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
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _service.RemoveStore();
    }

    private void CheckNotOpen()
    {
        if (_gate.IsOpen) throw new StoreException(StoreError.StoreIsOpen, "The store is open; close it first.");
    }

    private async Task CheckExistsAsync(RcloneServer server, RcloneRemote remote, CancellationToken cancellationToken)
    {
        if (await ListRootAsync(server, cancellationToken).ConfigureAwait(false) is not { } contents || (remote.HasOnlyPrefixes && contents.Count == 0))
            throw new RcloneFailure(StoreError.StoreDoesNotExist, "there is no store at that place. Create it first, or check the path");
    }

    // Null where there is no such directory.
    private async Task<List<ItemInfo>?> ListRootAsync(RcloneServer server, CancellationToken cancellationToken)
    {
        try
        {
            return await new RcloneLister(server, _target).ListDirectoryAsync("", cancellationToken).ConfigureAwait(false);
        }
        catch (RcloneFailure e) when (e.Error == StoreError.ObjectNotFound)
        {
            return null;
        }
    }

    // A folder that the file system keeps for itself is not removed. The root stays then too, and passes for empty.
    private async Task PurgeAsync(RcloneServer server, CancellationToken cancellationToken)
    {
        var contents = await ListRootAsync(server, cancellationToken).ConfigureAwait(false) ?? [];
        if (!contents.Exists(item => SystemFolders.IsOfFileSystem(item.Name)))
        {
            await server.CallAsync("operations/purge", On(""), cancellationToken).ConfigureAwait(false);
            return;
        }
        foreach (var item in contents.Where(item => !SystemFolders.IsOfFileSystem(item.Name)))
            await server.CallAsync(item.IsDirectory ? "operations/purge" : "operations/deletefile", On(item.Name), cancellationToken).ConfigureAwait(false);
    }

    private async Task<string?> FindForeignAsync(RcloneServer server, CancellationToken cancellationToken)
    {
        var lister = new RcloneLister(server, _target);
        string? foreign = null;
        var files = RcloneLister.WalkTreeAsync("", name => !SystemFolders.IsOfFileSystem(name) && !Note(name), lister.ListDirectoryAsync, cancellationToken);
        await foreach (var file in files.ConfigureAwait(false))
            if (foreign is not null || Note(file.Name)) break;
        return foreign;

        bool Note(string name)
        {
            if (ForeignContent.IsIn(name)) foreign ??= name;
            return foreign == name;
        }
    }

    private JsonObject On(string name) => new() { ["fs"] = _target.Remote, ["remote"] = name };

    /// <summary>Does something with the help of rclone, and tells the user where that fails.</summary>
    /// <param name="action">What is done, for the message.</param>
    /// <param name="name">On what; <c>""</c> for the store.</param>
    /// <param name="canRepeat">Whether doing it twice is as good as once.</param>
    /// <param name="run">Does it; called again, perhaps with a new rclone, where that may help.</param>
    /// <param name="cancellationToken">Ends the wait between attempts.</param>
    private async Task<T> RunAsync<T>(
        string action, string name, bool canRepeat, Func<RcloneServer, RcloneRemote, Task<T>> run, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var hasBegun = false;
            try
            {
                var server = await _service.GetServerAsync(cancellationToken).ConfigureAwait(false);
                var remote = await server.GetRemoteAsync(_target.Remote, cancellationToken).ConfigureAwait(false);
                hasBegun = true;
                return await run(server, remote).ConfigureAwait(false);
            }
            catch (RcloneFailure failure) when (failure.IsTransient && (canRepeat || !hasBegun) && attempt < Attempts)
            {
                await Task.Delay(FirstPause * (1 << (2 * (attempt - 1))), cancellationToken).ConfigureAwait(false);
            }
            catch (RcloneFailure failure)
            {
                throw failure.While(action, name, _target);
            }
        }
    }
}
