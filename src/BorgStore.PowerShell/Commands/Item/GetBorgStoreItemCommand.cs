using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Finds items by name, or lists those that match a pattern or lie in a namespace.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreItem", DefaultParameterSetName = ByName)]
[OutputType(typeof(BorgStoreItem))]
public sealed class GetBorgStoreItemCommand : ItemCommand
{
    private const string ByName = "Name";
    private const string ByLiteralName = "LiteralName";
    private const string ByNamespace = "Namespace";

    private static readonly bool[] LiveFirst = [false, true];
    private bool _isLiteral;

    [Parameter(Position = 0, ParameterSetName = ByName, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [PatternTransformation]
    [ArgumentCompleter(typeof(PatternCompleter))]
    public string[]? Name { get; set; }

    // Not mandatory: the binder would offer it a piped text before -Name then.
    [Parameter(ParameterSetName = ByLiteralName, ValueFromPipeline = true)]
    [NameTransformation]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[] LiteralName { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ByNamespace)]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string[] Namespace { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("IsDeleted")]
    [SwitchTransformation]
    public SwitchParameter Deleted { get; set; }

    [Parameter]
    public SwitchParameter IncludeDeleted { get; set; }

    private ItemSelection Selection
        => IncludeDeleted ? ItemSelection.All : Deleted ? ItemSelection.Deleted : ItemSelection.Live;

    private protected override void Process(StoreLease store)
    {
        _isLiteral = ParameterSetName == ByLiteralName;
        switch (ParameterSetName)
        {
            case ByLiteralName:
                foreach (var name in LiteralName) Find(store, name);
                break;
            case ByNamespace:
                foreach (var ns in Namespace) List(store, [ns.TrimEnd('/')], null, ns);
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
            ? new StoreException(e.Error, $"{e.Message} -LiteralName takes no wildcards; -Name does.", e.Name, e)
            : exception;

    private void Find(StoreLease store, string name)
    {
        var selection = Selection;
        Pump.Post(name, async (output, token) =>
        {
            var found = 0;
            foreach (var deleted in LiveFirst)
            {
                if (selection == (deleted ? ItemSelection.Live : ItemSelection.Deleted)) continue;
                if (await store.Store.FindAsync(name, deleted, token) is not { } item) continue;
                found++;
                await output.WriteAsync(store.Describe(item));
            }
            // Asked again, so that the message is the store's own.
            if (found == 0) await store.Store.GetInfoAsync(name, selection == ItemSelection.Deleted, token);
        });
    }

    private void List(StoreLease store, string name)
    {
        var pattern = new NamePattern(name);
        var layout = store.Store.Layout;
        var namespaces = layout.Namespaces.Select(ns => ns.Name).Where(ns => pattern.CanMatchWithin(ns, layout)).ToList();
        if (namespaces.Count == 0 && layout.Namespaces.Count > 0)
            WriteWarning($"'{name}' can match nothing. The namespaces known of this store are {string.Join(", ", layout.Namespaces.Select(ns => ns.Name))}; a name is namespace/key.");
        List(store, namespaces, pattern, name);
    }

    private void List(StoreLease store, IEnumerable<string> namespaces, NamePattern? pattern, string target)
    {
        var selection = Selection;
        Pump.Post(target, async (output, token) =>
        {
            var foreign = store.Store.GetStatistics().ForeignNames;
            foreach (var ns in namespaces)
            {
                await foreach (var item in store.Store.ListAsync(ns, selection, token))
                {
                    output.Advance();
                    if (pattern?.IsMatch(item.Name) == false) continue;
                    await output.WriteAsync(store.Describe(item));
                    token.ThrowIfCancellationRequested();
                }
            }
            foreign = store.Store.GetStatistics().ForeignNames - foreign;
            if (foreign > 0)
                await output.WarnAsync($"Items with names that not every platform can hold: {foreign}. They can be read here, but not everywhere the store is carried to.");
        });
    }
}
