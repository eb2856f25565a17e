using System.Collections.Concurrent;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using BorgStore.PowerShell.Drive;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Server;

namespace BorgStore.PowerShell.Session;

/// <summary>The stores of a runspace, both open ones and those named by a URL, and its servers.</summary>
internal sealed class StoreSession
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(10);
    private static readonly ConditionalWeakTable<Runspace, StoreSession> Sessions = [];
    private readonly object _lock = new();
    private readonly List<BorgStoreInfo> _open = [];
    private readonly Dictionary<string, UrlConnection> _named = [];
    private readonly List<BorgStoreDriveInfo> _drives = [];
    private readonly HashSet<BorgStoreInfo> _openedByDrives = [];

    private StoreSession() => Servers = new(Warnings);

    /// <summary>Warnings about failures in open stores that did not fail an operation. Stores
    /// add them on any thread, and the next cmdlet writes them.</summary>
    public ConcurrentQueue<string> Warnings { get; } = new();

    /// <summary>The started servers.</summary>
    public ServerList Servers { get; }

    /// <summary>The session of this thread's runspace.</summary>
    public static StoreSession Current => Sessions.GetValue(Runspace.DefaultRunspace, static runspace =>
    {
        var session = new StoreSession();
        runspace.StateChanged += (_, e) =>
        {
            if (e.RunspaceStateInfo.State is RunspaceState.Closing or RunspaceState.Closed or RunspaceState.Broken) session.CloseAll();
        };
        return session;
    });

    /// <summary>The open stores, in the order in which they were opened.</summary>
    public IReadOnlyList<BorgStoreInfo> OpenStores
    {
        get
        {
            lock (_lock)
            {
                _open.RemoveAll(store => !store.IsOpen);
                return [.. _open];
            }
        }
    }

    /// <summary>Adds a store that was just opened.</summary>
    public BorgStoreInfo Add(Store store, StoreOptions options, bool isDefault)
    {
        var info = new BorgStoreInfo(new(store, options)) { IsDefault = isDefault };
        lock (_lock)
        {
            if (isDefault) _open.ForEach(other => other.IsDefault = false);
            _open.Add(info);
        }
        ForgetLayout(options.Url);
        return info;
    }

    /// <summary>The drives.</summary>
    public IReadOnlyList<BorgStoreDriveInfo> Drives
    {
        get
        {
            lock (_lock) return [.. _drives];
        }
    }

    /// <summary>Adds a drive.</summary>
    /// <param name="drive">The drive.</param>
    /// <param name="opensStore">Whether its store was opened for it, and closes with the last drive that shows it.</param>
    public void Add(BorgStoreDriveInfo drive, bool opensStore)
    {
        lock (_lock)
        {
            _drives.Add(drive);
            if (opensStore) _openedByDrives.Add(drive.Store);
        }
    }

    /// <summary>Removes a drive, and closes its store if that was opened for drives and this is the last one.</summary>
    public async Task RemoveAsync(BorgStoreDriveInfo drive)
    {
        var store = drive.Store;
        await drive.Lock.ReleaseAsync();
        lock (_lock)
        {
            if (!_drives.Remove(drive) || _drives.Any(other => other.Store == store) || !_openedByDrives.Remove(store)) return;
        }
        await CloseAsync(store);
    }

    /// <summary>Returns whether a text begins with the name of a drive or of the provider. Names of items have no colon.</summary>
    public bool IsOnDrive(string text)
    {
        if (text.IndexOf(':') is not (> 0 and var colon)) return false;
        var start = text[..colon];
        return Drives.Any(drive => drive.Name.Equals(start, StringComparison.OrdinalIgnoreCase))
            || text.AsSpan(colon).StartsWith("::") && start.Split('\\')[^1].Equals(BorgStoreProvider.ProviderName, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Returns the place on a drive that a path of the provider means, or null.</summary>
    /// <param name="path">The path.</param>
    /// <param name="drive">The drive that is preferred if it contains the path.</param>
    public DrivePath? Locate(string path, BorgStoreDriveInfo? drive = null)
    {
        var normal = DrivePath.Normalize(path);
        // A store may be in a folder of another one.
        if (drive is null || !IsOn(drive)) drive = Drives.Where(IsOn).MaxBy(candidate => candidate.Prefix.Length);
        if (drive is null) return null;
        // For a literal path to nothing, PowerShell puts the root before what has it already.
        do normal = normal[drive.Prefix.Length..].TrimStart('/');
        while (IsOn(drive));
        return new(drive, normal);

        bool IsOn(BorgStoreDriveInfo candidate)
            => normal.StartsWith(candidate.Prefix, StringComparison.Ordinal) && (normal.Length == candidate.Prefix.Length || normal[candidate.Prefix.Length] == '/');
    }

    /// <summary>Discards the remembered layout of a store, which may be about to change.</summary>
    public void ForgetLayout(string url)
    {
        lock (_lock)
        {
            foreach (var (named, connection) in _named)
            {
                if (SameUrl(url, named)) connection.ForgetLayout();
            }
        }
    }

    /// <summary>Closes a store.</summary>
    public async Task CloseAsync(BorgStoreInfo store)
    {
        await store.Connection.Store.DisposeAsync();
        lock (_lock) _open.Remove(store);
        ForgetLayout(store.Connection.Options.Url);
    }

    /// <summary>Closes all stores, and then the servers because these may serve them, waiting a limited time for both.</summary>
    public void CloseAll()
    {
        try
        {
            Task.WaitAll([.. OpenStores.Select(store => Task.Run(() => CloseAsync(store)))], CloseTimeout);
            Servers.StopAll(CloseTimeout);
        }
        catch (AggregateException)
        {
            // The runspace is closing, so errors cannot be reported.
        }
    }

    /// <summary>Finds the store that <c>-Store</c> refers to; without it, the default store or the only open one.</summary>
    public StoreConnection Find(StoreReference? reference)
    {
        if (reference is null) return GetDefaultStore().Connection;
        if (reference.Connection is { } connection) return ResolveReopened(connection);
        var url = reference.Url!;
        if (FindOpen(url) is { } open) return open;
        lock (_lock)
        {
            if (!_named.TryGetValue(url, out var named)) _named[url] = named = new(new(url) { Retried = RetryScope.Receive });
            return named;
        }
    }

    /// <summary>Returns the last opened store with this URL, or null.</summary>
    public OpenConnection? FindOpen(string url) => FindAllOpen(url) is [.., var last] ? last.Connection : null;

    /// <summary>Returns all open stores with this URL.</summary>
    public IReadOnlyList<BorgStoreInfo> FindAllOpen(string url)
        => [.. OpenStores.Where(store => SameUrl(store.Connection.Options.Url, url))];

    /// <summary>Returns the default store or the only open one.</summary>
    /// <param name="parameter">The parameter that names a store explicitly, for error messages.</param>
    public BorgStoreInfo GetDefaultStore(string parameter = "-Store")
    {
        var open = OpenStores;
        if (open.FirstOrDefault(store => store.IsDefault) is { } chosen) return chosen;
        var location = Drives is [var any, ..] && any.Location is { } path ? Locate(path)?.Drive : null;
        lock (_lock)
        {
            // Stores that were opened by name are meant first, as they would be without the drives.
            if (open.Where(store => !_openedByDrives.Contains(store)).ToList() is { Count: > 0 } named) open = named;
        }
        if (location is { Store: { IsOpen: true } here })
        {
            if (open.All(store => store == here || _openedByDrives.Contains(store))) return here;
            throw new StoreException(StoreError.InvalidArgument,
                $"The session is at the drive '{location.Name}', and another store is open: {open.First(store => store != here).Uri}. Specify one with {parameter}, or with paths such as {location.Name}:/config/main.");
        }
        // A store that was opened twice is not ambiguous.
        var urls = open.Select(store => store.Uri.TrimEnd('/')).Distinct().ToList();
        return urls.Count switch
        {
            1 => open[^1],
            0 => throw new StoreException(StoreError.StoreNotOpen,
                $"No store is open. Open one with Open-BorgStore, create one with New-BorgStore, or specify one by its URL with {parameter}."),
            _ => throw new StoreException(StoreError.InvalidArgument,
                $"{urls.Count} stores are open: {string.Join(", ", urls)}. Specify one with {parameter}, or open one with -Default."),
        };
    }

    /// <summary>Returns a store, or that which was opened in its place after it was closed.</summary>
    public BorgStoreInfo FindReopened(BorgStoreInfo store) => store.IsOpen ? store : FindAllOpen(store.Connection.Options.Url) is [.., var last] ? last : store;

    // An item of a closed store refers to that store again after it was reopened.
    private StoreConnection ResolveReopened(StoreConnection connection)
        => connection is OpenConnection { Store.IsClosed: true } ? FindOpen(connection.Options.Url) ?? connection : connection;

    // A URL as displayed, without its password, also refers to the open store.
    private static bool SameUrl(string open, string given) => IsSame(open, given) || IsSame(StoreUrl.Redact(open), given);

    private static bool IsSame(string a, string b) => a.AsSpan().TrimEnd('/').SequenceEqual(b.AsSpan().TrimEnd('/'));
}
