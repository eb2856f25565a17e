using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Matching;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Finds items by name, or lists those that match a pattern or are in a namespace.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreItem", DefaultParameterSetName = ByName)]
[OutputType(typeof(BorgStoreItem))]
public sealed class GetBorgStoreItemCommand : ItemCommand
{
    private const string ByName = "Name";
    private const string ByLiteralName = "LiteralName";
    private const string ByNamespace = "Namespace";

    private static readonly bool[] LiveFirst = [false, true];
    private bool _isLiteral;
    private ItemSelector _selector = new([], []);

    [Parameter(Position = 0, ParameterSetName = ByName, ValueFromPipeline = true)]
    [Parameter(Position = 0, ParameterSetName = ByNamespace, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [PatternTransformation]
    [ArgumentCompleter(typeof(PatternCompleter))]
    public string[]? Name { get; set; }

    // Not mandatory, because the binder would then offer piped text to it before -Name.
    [Parameter(ParameterSetName = ByLiteralName, ValueFromPipeline = true)]
    [NameTransformation]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[] LiteralName { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ByNamespace)]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string[] Namespace { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Include { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Exclude { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("IsDeleted")]
    [SwitchTransformation]
    public SwitchParameter Deleted { get; set; }

    [Parameter]
    public SwitchParameter IncludeDeleted { get; set; }

    // The parameter set is not known before the first record.
    private protected override string[]? Names
    {
        get => LiteralName.Length > 0 ? LiteralName : Name;
        set
        {
            if (LiteralName.Length > 0) LiteralName = value!;
            else Name = value;
        }
    }

    private ItemSelection Selection
        => IncludeDeleted ? ItemSelection.All : Deleted ? ItemSelection.Deleted : ItemSelection.Live;

    /// <inheritdoc/>
    protected override void Begin()
    {
        // A piped item brings its own value for -Deleted, which may be combined with -IncludeDeleted.
        if (Deleted && IncludeDeleted)
            throw new StoreException(StoreError.InvalidArgument, "-Deleted finds only soft-deleted items, -IncludeDeleted also finds live ones. Specify only one of them.");
        _selector = new(Include, Exclude);
        base.Begin();
    }

    private protected override void Process(StoreLease store)
    {
        _isLiteral = ParameterSetName == ByLiteralName;
        switch (ParameterSetName)
        {
            case ByLiteralName:
                foreach (var name in LiteralName) Find(store, name);
                break;
            case ByNamespace:
                foreach (var ns in Namespace) Select(store, ns.TrimEnd('/'));
                break;
            default:
                foreach (var name in Name ?? ["*"])
                {
                    if (WildcardPattern.ContainsWildcardCharacters(name)) List(store, name);
                    else Find(store, WildcardPattern.Unescape(name));
                }
                break;
        }
    }

    private protected override Exception Explain(Exception exception, object target, string command)
        => _isLiteral && exception is StoreException { Error: StoreError.ObjectNotFound or StoreError.InvalidName } e && WildcardPattern.ContainsWildcardCharacters((string)target)
            ? new StoreException(e.Error, $"{e.Message} -LiteralName takes no wildcards. Use -Name instead.", e.Name, e)
            : exception;

    // Here names are keys in the namespace, or full names if they begin with it.
    private void Select(StoreLease store, string ns)
    {
        var prefix = ns.Length == 0 ? "" : ns + "/";
        if (Name is null) List(store, [ns], null, ns);
        foreach (var name in Name ?? [])
        {
            var full = name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? name : NamePattern.Escape(prefix) + name;
            if (!WildcardPattern.ContainsWildcardCharacters(name)) Find(store, WildcardPattern.Unescape(full));
            else if (Parse(full) is { } pattern) List(store, [ns], pattern, full);
        }
    }

    // A pattern that is not valid is the error of one name.
    private NamePattern? Parse(string pattern)
    {
        try
        {
            return new(pattern);
        }
        catch (StoreException e)
        {
            WriteError(e, pattern);
            return null;
        }
    }

    private void Find(StoreLease store, string name)
    {
        var (selection, selector) = (Selection, _selector);
        JobRunner.Post(name, async (output, token) =>
        {
            var found = 0;
            foreach (var deleted in LiveFirst)
            {
                if (selection == (deleted ? ItemSelection.Live : ItemSelection.Deleted)) continue;
                if (await store.Store.FindAsync(name, deleted, token) is not { } item) continue;
                found++;
                if (selector.Selects(item)) await output.WriteAsync(store.Describe(item));
            }
            // Called for its error, so that the message is the store's own.
            if (found == 0) await store.Store.GetInfoAsync(name, selection == ItemSelection.Deleted, token);
        });
    }

    private void List(StoreLease store, string name)
    {
        if (Parse(name) is not { } pattern) return;
        var layout = store.Store.Layout;
        var namespaces = layout.Namespaces.Select(ns => ns.Name).Where(ns => pattern.CanMatchWithin(ns, layout)).ToList();
        if (namespaces.Count == 0 && layout.Namespaces.Count > 0)
            WriteWarning($"'{name}' cannot match anything. The known namespaces of this store are {string.Join(", ", layout.Namespaces.Select(ns => ns.Name))}; a name is namespace/key.");
        List(store, namespaces, pattern, name);
    }

    private void List(StoreLease store, IEnumerable<string> namespaces, NamePattern? pattern, string target)
    {
        var (selection, selector) = (Selection, _selector);
        JobRunner.Post(target, async (output, token) =>
        {
            var foreign = store.Store.GetStatistics().ForeignNames;
            foreach (var ns in namespaces)
            {
                try
                {
                    await foreach (var item in store.Store.ListAsync(ns, pattern?.GetKeyPrefix(ns) ?? "", selection, token))
                    {
                        output.Advance();
                        if (pattern?.IsMatch(item.Name) == false || !selector.Selects(item)) continue;
                        await output.WriteAsync(store.Describe(item));
                        token.ThrowIfCancellationRequested();
                    }
                }
                catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
                {
                    await output.FailAsync(ErrorRecords.From(e, ns));
                }
            }
            foreign = store.Store.GetStatistics().ForeignNames - foreign;
            if (foreign > 0)
                await output.WarnAsync($"Items with names that not every platform can hold: {foreign}. They can be read here, but perhaps not after the store is copied to another platform.");
        });
    }
}
