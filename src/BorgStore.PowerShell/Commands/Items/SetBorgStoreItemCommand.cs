using System.Collections;
using System.Management.Automation;
using System.Text;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Stores values: bytes, strings, streams or files.</summary>
[Cmdlet(VerbsCommon.Set, "BorgStoreItem", DefaultParameterSetName = ByValue, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class SetBorgStoreItemCommand : ItemCommand, ITransferCommand
{
    private const string ByValue = "Value";
    private const string ByPath = "Path";
    private const string ByLiteralPath = "LiteralPath";

    // Replaces bytes that could not be decoded.
    private const char Replacement = '\uFFFD';

    private HashKind? _hash;
    private GatheredValue? _gathered;
    private bool _nameIsLiteral;
    private bool _nameIsScript;
    private bool _valueIsPiped;
    private bool _nameIsUsed;
    private StoreLease? _lastStore;

    // Not mandatory, because the binder's error for an object without a name would say less than ours.
    [Parameter(Position = 0, ParameterSetName = ByValue, ValueFromPipelineByPropertyName = true)]
    [Parameter(Position = 0, ParameterSetName = ByPath)]
    [Parameter(Position = 0, ParameterSetName = ByLiteralPath)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string? Name { get; set; }

    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ByValue, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public object? Value { get; set; }

    [Parameter(ParameterSetName = ByValue)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = EncodingTransformationAttribute.Default;

    [Parameter(Mandatory = true, ParameterSetName = ByPath, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ByLiteralPath, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    [Parameter(ParameterSetName = ByValue)]
    [Parameter(ParameterSetName = ByPath)]
    [Parameter(ParameterSetName = ByLiteralPath)]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string? Namespace { get; set; }

    [Parameter(ParameterSetName = ByValue)]
    [Parameter(ParameterSetName = ByPath)]
    [Parameter(ParameterSetName = ByLiteralPath)]
    [ArgumentCompleter(typeof(AlgorithmCompleter))]
    public string? ContentHash { get; set; }

    [Parameter]
    public SwitchParameter NoClobber { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string[]? Names
    {
        get => Name is null ? null : [Name];
        set => Name = value![0];
    }

    [Parameter(HelpMessage = "A file to which a line of JSON is appended for each item that is done or has failed.")]
    [ValidateNotNullOrEmpty]
    public string? LogPath { get; set; }

    [Parameter(HelpMessage = "The maximum rate of all transfers of this cmdlet together, in bytes per second, such as 2MB.")]
    [ValidateRange(1024, long.MaxValue)]
    public long MaxBytesPerSecond { get; set; }

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    private string Prefix => Namespace?.TrimEnd('/') is { Length: > 0 } ns ? ns + "/" : "";

    private StoreMode Mode => NoClobber ? StoreMode.CreateNew : StoreMode.Overwrite;

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        var bound = MyInvocation.BoundParameters;
        _nameIsScript = IsScript(nameof(Name));
        _nameIsLiteral = Name is not null;
        _valueIsPiped = MyInvocation.ExpectingInput && !bound.ContainsKey(nameof(Value));
        if (ContentHash is not null) _hash = HashKind.Parse(ContentHash);
        if (_hash is not null && (_nameIsLiteral || _nameIsScript))
            throw new StoreException(StoreError.InvalidArgument, "-ContentHash derives the name from the content. Use it with -Namespace, not with -Name.");
        if ((_nameIsLiteral || _nameIsScript) && Namespace is not null)
            throw new StoreException(StoreError.InvalidArgument, "-Name is already a full name. Specify only one of -Name and -Namespace.");
    }

    private protected override void Process(StoreLease store)
    {
        _lastStore = store;
        switch (ParameterSetName)
        {
            case ByPath:
                StoreFiles(store, [.. LocalPath.Resolve(this, Path)]);
                break;
            case ByLiteralPath:
                StoreFiles(store, [.. LocalPath.ResolveLiteral(this, LiteralPath)]);
                break;
            default:
                if (_valueIsPiped) StorePiped(store);
                else if (_hash is not null) StoreHashed(store, Value);
                else StoreValue(store, Name ?? throw Unnamed("The value"), Value);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void End()
    {
        if (_gathered?.Finish() is { } bytes && _lastStore is { } store) StoreValue(store, Name!, bytes);
        else if (_valueIsPiped && !HasInput && ParameterSetName == ByValue)
            WriteWarning("Nothing was piped, so nothing was stored. For an empty value give -Value ''.");
        base.End();
    }

    private void StorePiped(StoreLease store)
    {
        if (LocalPath.FromObject(Value) is { } path)
        {
            StoreFiles(store, [.. LocalPath.ResolveLiteral(this, [path])]);
            return;
        }
        if (ValueArgument.Unwrap(Value) is string text && text.Contains(Replacement)) throw NotText();
        var value = Value switch
        {
            PSObject { BaseObject: PSCustomObject } custom when custom.Properties["Value"] is { } property => property.Value,
            PSObject { BaseObject: BorgStoreItemContent content } => content.Value,
            _ => Value,
        };
        if (_hash is not null && ValueArgument.Unwrap(Value) is not byte)
        {
            if (ValueArgument.Unwrap(Value) is string word && LocalPath.IsFile(this, word)) WriteError(Ambiguous(word));
            else StoreHashed(store, value);
            return;
        }
        if (Namespace is not null && ValueArgument.Unwrap(Value) is string pattern)
        {
            StoreFiles(store, [.. LocalPath.Resolve(this, [pattern])]);
            return;
        }
        if (Name is null || Namespace is not null)
        {
            // Bytes and lines come in large numbers and never have a name, so the first one ends the command.
            if (ValueArgument.Unwrap(Value) is string or byte) throw Unnamed("The piped value");
            WriteError(Unnamed(ValueArgument.Unwrap(Value) is IDictionary
                ? "A hashtable is not converted to an object: write [pscustomobject] before it. The piped value" : $"The piped object {ArgumentErrors.Describe(Value)}"), Value);
            return;
        }
        if (_nameIsLiteral && value is not null)
        {
            _gathered ??= new(Name!, Encoding);
            if (_nameIsUsed) throw GatheredValue.Second(Name!);
            if (_gathered.TryAdd(value)) return;
        }
        StoreValue(store, Name, value);
    }

    private StoreException NotText() => new(StoreError.InvalidArgument,
        $"{(Name is null ? "The text" : $"'{Name}'")} was not stored: the piped text contains U+FFFD, which replaces bytes that are not text, as in the output of a program. Write the output to a file (program > file) and give that as -Path. For a text that does contain this character use -Value.",
        Name);

    private static StoreException Ambiguous(string text) => new(StoreError.InvalidArgument,
        $"'{text}' was not stored: it is a string that is also the name of a file. To store the file, use -Path, or pipe the output of Get-Item; to store the string, use -Value.", text);

    private static StoreException Unnamed(string what) => new(StoreError.InvalidArgument,
        $"{what} has no name, and was not stored. Specify the name of one item with -Name, as in 'text' | Set-BorgStoreItem config/main; for several pipe objects with the properties Name and Value, or files with -Namespace. With -Namespace and -ContentHash each value is named by its hash.");

    private void StoreValue(StoreLease store, string name, object? content)
    {
        _nameIsUsed = true;
        StoreValue value;
        try
        {
            value = ValueArgument.Read(content, Encoding, name);
        }
        catch (StoreException e) when (!_nameIsLiteral)
        {
            WriteError(e);
            return;
        }
        if (!ShouldChange(store, RepositoryChange.Add, name, "Set item")) return;
        var (mode, passThru) = (Mode, PassThru.IsPresent);
        JobRunner.Post(name, async (output, token) =>
        {
            await StoreAsync(store.Store, name, ValueArgument.Unwrap(content) as Stream, value, mode, output, token);
            if (ValueArgument.Unwrap(content) is LeasedStream stream) await stream.DisposeAsync();
            if (passThru) await output.WriteAsync(store.Describe(await store.Store.GetInfoAsync(name, cancellationToken: token)));
        });
    }

    private static async Task StoreAsync(Store store, string name, Stream? stream, StoreValue value, StoreMode mode, JobOutput output, CancellationToken cancellationToken)
    {
        if (value.IsInMemory)
        {
            // It stays in memory, so that it can be sent again after a failure.
            output.Expect(value.Length);
            await store.StoreAsync(name, output.Limit is { } limit ? await limit.ApplyAsync(value, cancellationToken) : value, mode, cancellationToken);
            output.Move(value.Length);
            return;
        }
        await store.StoreAsync(name, ValueArgument.Read(new ProgressStream(stream!, output), name), mode, cancellationToken);
    }

    // Each piped object is a value of its own here, because its name is computed from it.
    private void StoreHashed(StoreLease store, object? content)
    {
        var name = $"{Prefix}…";
        var (mode, passThru, hash, prefix) = (Mode, PassThru.IsPresent, _hash!, Prefix);
        var stream = ValueArgument.Unwrap(content) as Stream;
        StoreValue value = default;
        try
        {
            if (stream is null) value = ValueArgument.Read(content, Encoding, name);
            else ValueArgument.CheckReadable(stream, name);
        }
        catch (StoreException e) when (_valueIsPiped)
        {
            WriteError(e);
            return;
        }
        var digest = stream is null ? hash.ComputeHex(value.Bytes.Span) : null;
        if (!ShouldChange(store, RepositoryChange.Add, digest is null ? name : prefix + digest, "Set item")) return;
        JobRunner.Post(digest is null ? name : prefix + digest, async (output, token) =>
        {
            if (stream is null)
            {
                await StoreAsync(store.Store, prefix + digest, null, value, mode, output, token);
            }
            else
            {
                (digest, value) = await HashedContentReader.ReadAsync(stream, name, hash, output, token);
                await store.Store.StoreAsync(prefix + digest, value, mode, token);
            }
            if (stream is LeasedStream leased) await leased.DisposeAsync();
            if (passThru) await output.WriteAsync(store.Describe(await store.Store.GetInfoAsync(prefix + digest, cancellationToken: token)));
        });
    }

    private void StoreFiles(StoreLease store, IReadOnlyList<string> paths)
    {
        if (_nameIsLiteral && (_nameIsUsed ? paths.Count > 0 : paths.Count > 1)) throw GatheredValue.Second(Name!);
        if (_nameIsLiteral && store.Store.Layout.FindNamespace(Name!) is { Name.Length: > 0 } ns)
            throw new StoreException(StoreError.InvalidArgument,
                $"'{Name}' is a namespace. -Namespace {ns.Name} stores files in it under their own names; a name for one file is '{ns.Name}/' and a key.", Name);
        foreach (var path in paths) StoreFile(store, path);
    }

    private void StoreFile(StoreLease store, string path)
    {
        // A piped file also has a Name, but that is not the name of an item.
        var given = _nameIsLiteral || _nameIsScript ? Name : null;
        if (given is null && Namespace is null)
            throw new StoreException(StoreError.InvalidArgument,
                $"'{path}' was not stored, because its name is not known. Use -Namespace to name files by their file names, or by their content with -ContentHash; or specify the name of one file with -Name.", path);
        _nameIsUsed = true;
        var prefix = Prefix;
        var name = _hash is not null ? null : given ?? prefix + System.IO.Path.GetFileName(path);
        if (!ShouldChange(store, RepositoryChange.Add, name ?? prefix, "Set item", name is null ? path : $"{name} (from {path})")) return;
        var (mode, passThru, hash) = (Mode, PassThru.IsPresent, _hash);
        JobRunner.Post(name ?? path, async (output, token) =>
        {
            await using var file = await LocalPath.OpenReadAsync(path, output.WarnAsync, token);
            StoreValue value;
            var final = name ?? "";
            if (hash is null) value = ValueArgument.Read(new ProgressStream(file, output), final);
            else
            {
                (var digest, value) = await HashedContentReader.ReadAsync(file, path, hash, output, token);
                final = prefix + digest;
            }
            await store.Store.StoreAsync(final, value, mode, token);
            if (passThru) await output.WriteAsync(store.Describe(await store.Store.GetInfoAsync(final, cancellationToken: token)));
        });
    }
}
