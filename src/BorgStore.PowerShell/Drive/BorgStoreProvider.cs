using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Provider;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Drive;

/// <summary>Shows stores as drives: namespaces are containers, and items are leaves with their values as content.</summary>
/// <remarks>It expands wildcards itself, because PowerShell would list whole namespaces and then ask for each item.</remarks>
[CmdletProvider(ProviderName, ProviderCapabilities.ShouldProcess | ProviderCapabilities.ExpandWildcards | ProviderCapabilities.Filter | ProviderCapabilities.Credentials)]
[OutputType(typeof(BorgStoreItem), typeof(BorgStoreNamespace), ProviderCmdlet = "Get-ChildItem")]
[OutputType(typeof(BorgStoreItem), typeof(BorgStoreNamespace), ProviderCmdlet = "Get-Item")]
[OutputType(typeof(BorgStoreItem), ProviderCmdlet = "New-Item")]
public sealed class BorgStoreProvider : StoreCmdletProvider, IContentCmdletProvider
{
    internal const string ProviderName = "BorgStore";
    private const int ParallelDeletions = 8;

    // Drives

    /// <inheritdoc/>
    protected override object NewDriveDynamicParameters() => new NewDriveParameters();

    /// <inheritdoc/>
    protected override PSDriveInfo? NewDrive(PSDriveInfo drive)
    {
        if (drive is null or BorgStoreDriveInfo) return drive;
        BorgStoreDriveInfo? created = null;
        Guard(() =>
        {
            var parameters = DynamicParameters as NewDriveParameters ?? new();
            if (RejectedArgument.Find(parameters) is { } reason) throw reason;
            created = Create(drive, parameters);
        });
        return created;
    }

    /// <inheritdoc/>
    protected override PSDriveInfo RemoveDrive(PSDriveInfo drive)
    {
        if (drive is BorgStoreDriveInfo ours) Guard(() => Wait(_ => ours.Session.RemoveAsync(ours)));
        return drive;
    }

    private BorgStoreDriveInfo Create(PSDriveInfo drive, NewDriveParameters parameters)
    {
        var session = StoreSession.Current;
        var credential = drive.Credential is { UserName: not null } given && given != PSCredential.Empty ? given : null;
        var open = parameters.IsAny || credential is not null ? null : FindOpen(session, drive.Root);
        var url = open?.Connection.Options.Url ?? FindUrl(drive.Root);
        if (!parameters.IsAny && credential is null) open ??= FindOpen(session, url);

        var root = StoreUrl.Redact(url);
        // Options are no part of paths, and '?' is a wildcard.
        if (StoreUrl.GetScheme(url) != "rclone") root = root.Split('?')[0];
        root = root.Replace('\\', '/').TrimEnd('/');
        if (session.Drives.FirstOrDefault(other => other.Root == root && other.Store != open) is { } same)
            throw new StoreException(StoreError.InvalidArgument,
                $"The drive '{same.Name}' shows this store already, opened with other parameters, and the same paths would mean both. Remove it first: Remove-PSDrive {same.Name}.", root);

        var isShared = open is not null;
        open ??= Open(session, url, parameters, credential);
        var created = new BorgStoreDriveInfo(drive, root, open, session, SessionState.Path);
        session.Add(created, opensStore: !isShared);
        return created;
    }

    private BorgStoreInfo Open(StoreSession session, string url, NewDriveParameters parameters, PSCredential? credential)
    {
        if (parameters.CacheUri is { } cache && StorePath.Explain(SessionState.Path, cache) is { } problem) throw problem;
        var options = new StoreOptions(url)
        {
            Layout = LayoutArgument.Read(parameters.Namespace, parameters.Preset),
            CacheUrl = parameters.CacheUri,
            Warning = session.Warnings.Enqueue,
            Retried = RetryScope.Receive,
            Permissions = parameters.Permission,
            Durability = parameters.Durability,
            Credential = credential?.GetNetworkCredential(),
            HostKeyFingerprint = parameters.HostKeyFingerprint,
        };
        var store = Wait(token => Store.OpenAsync(options, token));
        WriteVerbose(store.DescribeLayout());
        return session.Add(store, options, isDefault: false);
    }

    private static BorgStoreInfo? FindOpen(StoreSession session, string url) => session.FindAllOpen(url) is [.., var last] ? last : null;

    private string FindUrl(string root)
    {
        try
        {
            StoreUrl.GetScheme(root);
            return root;
        }
        catch (StoreException e)
        {
            try
            {
                return StorePath.GetUrl(SessionState.Path, root);
            }
            catch (Exception other) when (other is SessionStateException or NotSupportedException or UriFormatException)
            {
                throw e;
            }
        }
    }

    // Paths

    /// <inheritdoc/>
    protected override bool IsValidPath(string path) => !string.IsNullOrEmpty(path);

    /// <inheritdoc/>
    protected override string MakePath(string parent, string child)
    {
        if (string.IsNullOrEmpty(parent)) return ToNative(child ?? "");
        // The name of the provider has a backslash on all systems.
        var start = parent.IndexOf("::", StringComparison.Ordinal) is > 0 and var end && parent[..end].EndsWith(ProviderName, StringComparison.OrdinalIgnoreCase) ? end : 0;
        var joined = ToNative(parent[start..]).TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar;
        return parent[..start] + joined + ToNative(child ?? "").TrimStart(Path.DirectorySeparatorChar);
    }

    /// <summary>Returns the last element of a path. The base class would ask the storage whether the path exists.</summary>
    /// <param name="path">The path.</param>
    protected override string GetChildName(string path)
    {
        var normal = DrivePath.Normalize(path);
        return normal[(normal.LastIndexOf('/') + 1)..];
    }

    /// <inheritdoc/>
    protected override bool ItemExists(string path)
    {
        try
        {
            var at = Locate(path);
            return at.IsContainer || Find(at) is not null;
        }
        catch (StoreException e)
        {
            if (e.Error is not (StoreError.InvalidName or StoreError.LayoutUnknown)) WriteError(ErrorRecords.From(e));
            return false;
        }
    }

    /// <inheritdoc/>
    protected override bool IsItemContainer(string path)
    {
        var isContainer = false;
        Guard(() => isContainer = Locate(path).IsContainer);
        return isContainer;
    }

    /// <summary>Returns <see langword="false"/>, because <see cref="RemoveItem"/> asks before it removes the items of a namespace, whether
    /// <c>-Recurse</c> was given or not, and should not be the second to ask.</summary>
    /// <param name="path">The path.</param>
    protected override bool HasChildItems(string path) => false;

    /// <inheritdoc/>
    protected override string[] ExpandPath(string path)
    {
        string[] found = [];
        Guard(() =>
        {
            var at = Locate(path);
            found = WildcardPattern.ContainsWildcardCharacters(at.Path) ? Expand(at) : [ToProviderPath(at with { Path = WildcardPattern.Unescape(at.Path) })];
        });
        return found;
    }

    private string[] Expand(DrivePath at)
    {
        var (drive, store) = (at.Drive, at.Drive.Open());
        var key = string.Join('\n', [at.Path, $"{Force}", Filter ?? "", .. Include ?? [], "", .. Exclude ?? []]);
        if (drive.Recent.TakeExpansion(store, key) is { } known) return known;

        var pattern = new PathPattern(at.Path);
        var root = at with { Path = "" };
        var paths = new List<string>();
        var items = new List<KeyValuePair<string, StoreItem>>();
        AddContainers(root);
        foreach (var ns in store.Layout.Namespaces.Where(pattern.CanMatchIn))
        {
            if (pattern.FindOnlyKey(ns) is { } only)
            {
                if (Find(root.Child(ns.Name.Length == 0 ? only : $"{ns.Name}/{only}")) is { } item) Add(item);
            }
            else StreamItems(root with { Path = ns.Name }, pattern.FindPrefix(ns), Add);
        }
        var result = paths.ToArray();
        drive.Recent.Remember(store, items);
        drive.Recent.Remember(key, result);
        return result;

        void AddContainers(DrivePath container)
        {
            foreach (var child in container.Containers)
            {
                if (pattern.IsMatch(child.Path) && IsSelected(child.Leaf)) paths.Add(ToProviderPath(child));
                AddContainers(child);
            }
        }

        void Add(StoreItem item)
        {
            var place = root.Of(item);
            if (!pattern.IsMatch(place.Path) || !IsSelected(place.Leaf)) return;
            paths.Add(ToProviderPath(place));
            items.Add(new(place.Path, item));
        }
    }

    // Items

    /// <inheritdoc/>
    protected override void GetItem(string path) => Guard(() =>
    {
        var at = Locate(path);
        if (!IsSelected(at.Leaf)) return;
        if (at.IsContainer) Write(at);
        else Write(at, Get(at));
    });

    /// <inheritdoc/>
    protected override void GetChildItems(string path, bool recurse) => GetChildItems(path, recurse, uint.MaxValue);

    /// <inheritdoc/>
    protected override void GetChildItems(string path, bool recurse, uint depth) => Guard(() =>
    {
        var at = Locate(path);
        if (at.IsContainer) WriteChildren(at, recurse ? depth : 0);
        else Write(at, Get(at));
    });

    /// <inheritdoc/>
    protected override void GetChildNames(string path, ReturnContainers returnContainers) => Guard(() =>
    {
        var at = Locate(path);
        var allContainers = returnContainers == ReturnContainers.ReturnAllContainers;
        foreach (var child in at.Containers.Where(child => allContainers || MatchesFilter(child.Leaf))) WriteItemObject(child.Leaf, ToProviderPath(child), isContainer: true);
        if (at.Namespace is not { } ns) return;

        // PowerShell then asks for each name that it selects.
        var isAskedFor = allContainers || Include is { Count: > 0 } || Exclude is { Count: > 0 };
        var items = new List<KeyValuePair<string, StoreItem>>();
        StreamItems(at, PathPattern.FindPrefix(Filter ?? ""), item =>
        {
            var name = DrivePath.NameIn(item);
            if (!MatchesFilter(name)) return;
            if (isAskedFor) items.Add(new(at.Of(item).Path, item));
            WriteItemObject(name, ToProviderPath(at.Of(item)), isContainer: false);
        });
        if (isAskedFor) at.Drive.Recent.Remember(at.Drive.Open(), items);
    });

    /// <inheritdoc/>
    protected override void NewItem(string path, string itemTypeName, object newItemValue) => Guard(() =>
    {
        var at = Locate(path);
        if (at.IsContainer || itemTypeName is { } type && (type.Equals("Directory", StringComparison.OrdinalIgnoreCase) || type.Equals("Container", StringComparison.OrdinalIgnoreCase)))
            MakeNamespace(at);
        else if (ShouldProcess(at.Path, "New item")) Put(at, newItemValue ?? "", Force ? StoreMode.Overwrite : StoreMode.CreateNew);
    });

    /// <inheritdoc/>
    protected override void SetItem(string path, object value) => Guard(() =>
    {
        var at = LocateItem(path);
        if (ShouldProcess(at.Path, "Set item")) Put(at, value, StoreMode.Overwrite);
    });

    /// <inheritdoc/>
    protected override object RemoveItemDynamicParameters(string path, bool recurse) => new RemoveItemParameters();

    /// <inheritdoc/>
    protected override void RemoveItem(string path, bool recurse) => Guard(() =>
    {
        var at = Locate(path);
        var soft = DynamicParameters is RemoveItemParameters { Soft.IsPresent: true };
        if (at.IsContainer)
        {
            RemoveAll(at, soft);
            return;
        }
        if (!IsSelected(at.Leaf)) return;
        if (at.IsDeleted && soft)
            throw new StoreException(StoreError.InvalidArgument,
                $"'{at.Path}' is soft-deleted already. Omit -Soft to remove it permanently, or use Rename-Item or Restore-BorgStoreItem to restore '{at.Name}'.", at.Name);
        if (!ShouldProcess(at.Path, soft ? "Soft-delete item" : "Remove item for good")) return;
        var store = at.Drive.Open();
        using var locked = Lock(at, soft ? RepositoryChanges.OfSoftDeletion(at.Name) : RepositoryChange.Remove);
        if (soft) Wait(async token => await store.SoftDeleteAsync(at.Name, token));
        else Wait(async token => await store.DeleteAsync(at.Name, at.IsDeleted, token));
    });

    /// <inheritdoc/>
    protected override void RenameItem(string path, string newName) => Guard(() =>
    {
        var at = LocateItem(path);
        var target = at with { Path = at.Path[..^at.Leaf.Length] + newName };
        if (newName.AsSpan().ContainsAny('/', '\\') || target.IsContainer)
            throw new StoreException(StoreError.InvalidName, $"'{newName}' is not a new name for '{at.Path}'. Move-Item moves it to another namespace.", at.Name);
        if (ShouldProcess($"{at.Path} to {target.Path}", "Rename item")) Move(at, target);
    });

    /// <inheritdoc/>
    protected override void MoveItem(string path, string destination) => Guard(() =>
    {
        var at = LocateItem(path);
        var target = Locate(destination).Take(at);
        if (IsSelected(at.Leaf) && ShouldProcess($"{at.Path} to {Show(target, at)}", "Move item")) Move(at, target);
    });

    /// <inheritdoc/>
    protected override void CopyItem(string path, string copyPath, bool recurse) => Guard(() =>
    {
        var (at, target) = (Locate(path), Locate(copyPath));
        if (!at.IsContainer)
        {
            target = target.Take(at);
            if (IsSelected(at.Leaf) && ShouldProcess($"{at.Path} to {Show(target, at)}", "Copy item")) Copy(at, target, StoreMode.Overwrite);
            return;
        }
        if (!recurse)
            throw new StoreException(StoreError.InvalidArgument, $"'{at.Path}' is a namespace. With -Recurse its items are copied.", at.Path);
        if (!target.IsContainer)
            throw new StoreException(StoreError.InvalidArgument, $"There is no namespace '{target.Path}' on the drive '{target.Drive.Name}', so the items of '{at.Path}' were not copied.", target.Path);
        if (!ShouldProcess($"all items of {at.Path} to {Show(target, at)}", "Copy items")) return;
        using var locked = Lock(target, RepositoryChange.Add);
        foreach (var ns in at.Namespaces)
        {
            // Into the namespace of the same name, if the whole store is given.
            var into = target.Path.Length == 0 && target.Namespace is null ? target.Child(ns.Name) : target;
            StreamItems(at with { Path = ns.Name }, "", item =>
            {
                var source = at.Of(item);
                if (IsSelected(source.Leaf)) Guard(() => Copy(source, into.Take(source), StoreMode.Overwrite));
            });
        }
    });

    // Content

    /// <inheritdoc/>
    public object GetContentReaderDynamicParameters(string path) => new ReadContentParameters();

    /// <inheritdoc/>
    public IContentReader? GetContentReader(string path)
    {
        IContentReader? reader = null;
        Guard(() =>
        {
            var parameters = ContentParameters.From<ReadContentParameters>(DynamicParameters);
            var at = LocateItem(path);
            if (IsSelected(at.Leaf)) reader = new DriveContentReader(this, Wait(async token => await at.Drive.Open().OpenReadAsync(at.Name, deleted: at.IsDeleted, cancellationToken: token)), parameters);
        });
        return reader;
    }

    /// <inheritdoc/>
    public object GetContentWriterDynamicParameters(string path) => new WriteContentParameters();

    /// <inheritdoc/>
    public IContentWriter? GetContentWriter(string path)
    {
        IContentWriter? writer = null;
        Guard(() =>
        {
            var parameters = ContentParameters.From<WriteContentParameters>(DynamicParameters);
            var at = LocateItem(path);
            ThrowIfDeleted(at);
            if (IsSelected(at.Leaf)) writer = new DriveContentWriter(this, at, parameters);
        });
        return writer;
    }

    /// <inheritdoc/>
    public object? ClearContentDynamicParameters(string path) => null;

    /// <inheritdoc/>
    public void ClearContent(string path)
    {
        // Set-Content clears first. Here it replaces the whole value in one step, so that nobody ever sees an empty one.
        if (WriteContentParameters.AreOf(DynamicParameters)) return;
        Guard(() =>
        {
            var at = LocateItem(path);
            ThrowIfDeleted(at);
            if (!IsSelected(at.Leaf)) return;
            Get(at);
            if (!ShouldProcess(at.Path, "Clear content")) return;
            using var locked = Lock(at, RepositoryChange.Add);
            Wait(async token => await at.Drive.Open().StoreAsync(at.Name, Array.Empty<byte>(), cancellationToken: token));
        });
    }

    private static string ToNative(string path) => path.Replace(Path.DirectorySeparatorChar == '/' ? '\\' : '/', Path.DirectorySeparatorChar);

    // The provider's path of a place: the root of the drive, and the path on it.
    private string ToProviderPath(DrivePath at) => at.Path.Length == 0 ? at.Drive.Root : MakePath(at.Drive.Root, at.Path);

    private DrivePath Locate(string path)
        => StoreSession.Current.Locate(path, PSDriveInfo as BorgStoreDriveInfo) ?? throw new StoreException(StoreError.InvalidArgument,
            $"'{StoreUrl.Redact(path)}' is not on a drive. New-PSDrive -PSProvider {ProviderName} creates a drive for a store; its paths begin with the name of the drive.", StoreUrl.Redact(path));

    private DrivePath LocateItem(string path)
        => Locate(path) is { IsContainer: false } at ? at : throw new StoreException(StoreError.InvalidArgument,
            Locate(path) is { Path.Length: > 0 } container ? $"'{container.Path}' is a namespace, not an item. Specify an item in it, or {container.Path}/* for all."
                : "This is the root of the drive, not an item. Specify an item by its namespace and key, as in config/main.", path);

    // Locks the repository on a drive, if it is one, for a change at a place.
    private DriveLock.Use Lock(DrivePath at, RepositoryChange change)
        => at.Drive.Lock.Enter(this, at.Drive.Open(), change, at.IsContainer ? at.Path + "/" : at.Name);

    private static void ThrowIfDeleted(DrivePath at)
    {
        if (at.IsDeleted)
            throw new StoreException(StoreError.InvalidName,
                $"'{at.Path}' is a soft-deleted item, which only can be read, restored or removed. Store '{at.Name}' instead, or restore it with Rename-Item or Restore-BorgStoreItem.", at.Name);
    }

    private StoreItem? Find(DrivePath at)
    {
        var store = at.Drive.Open();
        if (at.Drive.Recent.Find(store, at.Path) is { } known) return known;
        if (Wait(async token => await store.FindAsync(at.Name, at.IsDeleted, token)) is not { } item) return null;
        at.Drive.Recent.Remember(store, at.Path, item, isAnswer: true);
        return item;
    }

    private StoreItem Get(DrivePath at)
    {
        var store = at.Drive.Open();
        return at.Drive.Recent.Take(store, at.Path) ?? Wait(async token => await store.GetInfoAsync(at.Name, at.IsDeleted, token));
    }

    private void StreamItems(DrivePath container, string prefix, Action<StoreItem> consume)
        => Stream<StoreItem>(async (write, fail, token) =>
        {
            try
            {
                await foreach (var item in container.Drive.ListAsync(container.Path, prefix, Force ? ItemSelection.All : ItemSelection.Live, token))
                    await write(item);
            }
            catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
            {
                await fail(ErrorRecords.From(e, container.Path));
            }
        }, consume);

    private void WriteChildren(DrivePath at, uint depth)
    {
        foreach (var child in at.Containers.Where(child => MatchesFilter(child.Leaf))) Write(child);
        if (at.Namespace is not null)
        {
            var store = at.Drive.Open();
            StreamItems(at, PathPattern.FindPrefix(Filter ?? ""), item =>
            {
                if (!MatchesFilter(DrivePath.NameIn(item))) return;
                // For the command that this item is piped to.
                at.Drive.Recent.Remember(store, at.Of(item).Path, item, isAnswer: false);
                Write(at.Of(item), item);
            });
        }
        if (depth == 0) return;
        foreach (var child in at.Containers) WriteChildren(child, depth - 1);
    }

    private bool MatchesFilter(string name) => string.IsNullOrEmpty(Filter) || Matches(Filter, name);

    // PowerShell leaves all of these to a provider that expands wildcards, for Remove-Item too.
    private bool IsSelected(string name) => MatchesFilter(name) && IsAdmitted(Include, name, ifEmpty: true) && !IsAdmitted(Exclude, name, ifEmpty: false);

    private static bool IsAdmitted(Collection<string>? patterns, string name, bool ifEmpty)
        => patterns is not { Count: > 0 } ? ifEmpty : patterns.Any(pattern => Matches(pattern, name));

    private static bool Matches(string pattern, string name) => new WildcardPattern(pattern, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant).IsMatch(name);

    private void Write(DrivePath at, StoreItem item) => WriteItemObject(at.Drive.Describe(item), ToProviderPath(at), isContainer: false);

    private void Write(DrivePath container)
        => WriteItemObject(new BorgStoreNamespace(container.Path, container.Namespace?.Levels ?? [], container.Drive.Store.Connection.Handle), ToProviderPath(container), isContainer: true);

    private void Put(DrivePath at, object content, StoreMode mode)
    {
        ThrowIfDeleted(at);
        var value = ValueArgument.Read(content, EncodingTransformationAttribute.Default, at.Name);
        var store = at.Drive.Open();
        using var locked = Lock(at, RepositoryChange.Add);
        Wait(async token => await store.StoreAsync(at.Name, value, mode, token));
        Write(at, Wait(async token => await store.GetInfoAsync(at.Name, cancellationToken: token)));
    }

    private void MakeNamespace(DrivePath at)
    {
        if (at.Namespace is not { } ns)
        {
            throw new StoreException(StoreError.LayoutUnknown,
                at.IsContainer ? $"'{at.Path}' is there already, as the beginning of other namespaces."
                    : $"'{at.Path}' is not a namespace of this store. A store's namespaces and their levels are given when it is opened, as in New-PSDrive … -Namespace @{{ '{at.Path}' = 0 }}.", at.Path);
        }
        if (!ShouldProcess(at.Path, "New namespace")) return;
        Wait(async token => await at.Drive.Open().MakeNamespaceAsync(ns.Name, token));
        Write(at);
    }

    private void Move(DrivePath at, DrivePath target)
    {
        var mode = Force ? StoreMode.Overwrite : StoreMode.CreateNew;
        var (source, store) = (at.Drive.Open(), target.Drive.Open());
        var known = at.Drive.Recent.Take(source, at.Path);
        using var locked = Lock(at, source != store || at.IsDeleted == target.IsDeleted ? RepositoryChange.Remove
            : at.IsDeleted ? RepositoryChange.Add : RepositoryChanges.OfSoftDeletion(at.Name));
        if (source != store)
        {
            Copy(at, target, mode);
            Wait(async token => await source.DeleteAsync(at.Name, at.IsDeleted, token));
            return;
        }
        if (at.IsDeleted != target.IsDeleted && at.Name != target.Name)
            throw new StoreException(StoreError.InvalidArgument,
                $"'{at.Path}' was left where it is: it can be {(at.IsDeleted ? "restored" : "soft-deleted")} or get another name, but only one at a time.", at.Name);
        Wait(async token => await (at.IsDeleted == target.IsDeleted ? store.MoveAsync(at.Name, target.Name, mode, at.IsDeleted, token)
            : at.IsDeleted ? store.UndeleteAsync(at.Name, mode, token) : store.SoftDeleteAsync(at.Name, token)));
        if (known is { } item && store.Layout.Find(target.Name) is { } ns)
            Write(target, item with { Name = target.Name, Namespace = ns.Name, IsDeleted = target.IsDeleted });
        else Write(target, Wait(async token => await store.GetInfoAsync(target.Name, target.IsDeleted, token)));
    }

    private void Copy(DrivePath at, DrivePath target, StoreMode mode)
    {
        var (source, store) = (at.Drive.Open(), target.Drive.Open());
        ThrowIfDeleted(target);
        using var locked = Lock(target, RepositoryChange.Add);
        var size = 0L;
        Wait(async token =>
        {
            await using var value = await source.OpenReadAsync(at.Name, deleted: at.IsDeleted, cancellationToken: token);
            size = value.Length;
            await store.StoreAsync(target.Name, new(value, size), mode, token);
        });
        var ns = store.Layout.Find(target.Name)!;
        Write(target, new(target.Name, ns.Name, size, false, ns.WriteLevel));
    }

    private static string Show(DrivePath target, DrivePath source) => target.Drive == source.Drive ? target.Path : $"{target.Drive.Name}:/{target.Path}";

    // The namespaces themselves are the layout of the store, so they stay.
    private void RemoveAll(DrivePath at, bool soft)
    {
        if (at.Path.Length == 0)
            throw new StoreException(StoreError.InvalidArgument,
                $"The items of the whole store were not removed. Specify a namespace; Remove-BorgStore removes a store with everything in it.", at.Drive.Root);
        var action = soft ? "Soft-delete all items" : "Remove all items for good, soft-deleted ones too";
        if (!ShouldProcess(at.Path, action)) return;
        if (!Force && !ShouldContinue($"{action} of the namespace {PrintableText.Escape(at.Path)} in {PrintableText.Escape(at.Drive.Root)}?", "Remove the items of a namespace")) return;
        using var locked = Lock(at, soft ? RepositoryChanges.OfSoftDeletion(at.Path + "/") : RepositoryChange.Remove);
        foreach (var ns in at.Namespaces)
            Stream<ErrorRecord>((_, fail, token) => DeleteAllAsync(at.Drive, ns, soft, fail, token), static _ => { });
    }

    private static async Task DeleteAllAsync(BorgStoreDriveInfo drive, NamespaceLayout ns, bool soft, Func<ErrorRecord, ValueTask> fail, CancellationToken cancellationToken)
    {
        var store = drive.Open();
        var size = soft ? 1 : store.DeleteBatchSize;
        await Parallel.ForEachAsync(BatchAsync(drive.ListAsync(ns.Name, "", soft ? ItemSelection.Live : ItemSelection.All, cancellationToken), size),
            new ParallelOptions { MaxDegreeOfParallelism = ParallelDeletions, CancellationToken = cancellationToken }, async (items, token) =>
            {
                try
                {
                    if (soft) await store.SoftDeleteAsync(items[0].Name, token);
                    else if (size == 1) await store.DeleteAsync(items[0].Name, items[0].IsDeleted, token);
                    else foreach (var (name, reason) in await store.DeleteManyAsync(items, token)) await fail(ErrorRecords.From(reason, name));
                }
                catch (StoreException e)
                {
                    await fail(ErrorRecords.From(e, items[0].Name));
                }
            });
    }

    private static async IAsyncEnumerable<List<StoreItem>> BatchAsync(IAsyncEnumerable<StoreItem> items, int size)
    {
        var batch = new List<StoreItem>(size);
        await foreach (var item in items)
        {
            batch.Add(item);
            if (batch.Count < size) continue;
            yield return batch;
            batch = new(size);
        }
        if (batch.Count > 0) yield return batch;
    }
}
