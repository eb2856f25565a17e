using System.Management.Automation;
using System.Text;
using BorgStore.Naming;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Reads values or parts of them: as bytes, text, streams or files, separately or joined.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreItemContent", DefaultParameterSetName = AsBytes)]
[OutputType(typeof(byte[]), ParameterSetName = [AsBytes])]
[OutputType(typeof(string), ParameterSetName = [AsText])]
[OutputType(typeof(Stream), ParameterSetName = [AsOpenStream])]
[OutputType(typeof(FileInfo), ParameterSetName = [AsFile])]
[OutputType(typeof(BorgStoreItemContent), ParameterSetName = [AsBytes, AsText, AsOpenStream])]
public sealed class GetBorgStoreItemContentCommand : LiteralItemCommand
{
    private const string AsBytes = "Bytes";
    private const string AsText = "String";
    private const string AsOpenStream = "Stream";
    private const string AsFile = "File";
    private readonly List<ItemPart> _joined = [];
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);
    private (string Path, bool IsFolder)? _destination;
    private ItemPart? _only;
    private BlockBatch? _batch;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [BlockTransformation(AcceptsNumbers = true)]
    [ArgumentCompleter(typeof(NameCompleter))]
    public BorgStoreBlock[] Name { get; set; } = [];

    [Parameter]
    public long Offset { get; set; }

    [Parameter]
    [ValidateRange(0, long.MaxValue)]
    public long Length { get; set; }

    [Parameter]
    public SwitchParameter Join { get; set; }

    // Not mandatory, because -Encoding implies it.
    [Parameter(ParameterSetName = AsText)]
    public SwitchParameter AsString { get; set; }

    [Parameter(ParameterSetName = AsText)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = EncodingTransformationAttribute.Default;

    [Parameter(Mandatory = true, ParameterSetName = AsOpenStream)]
    public SwitchParameter AsStream { get; set; }

    [Parameter(ParameterSetName = AsBytes)]
    [Parameter(ParameterSetName = AsText)]
    [Parameter(ParameterSetName = AsOpenStream)]
    public SwitchParameter AsObject { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = AsFile, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    [Parameter(ParameterSetName = AsFile)]
    public SwitchParameter Force { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("IsDeleted")]
    [SwitchTransformation]
    public SwitchParameter Deleted { get; set; }

    private protected override string[]? Names
    {
        get => Array.ConvertAll(Name, block => block.Name);
        set => Name = [.. Name.Zip(value!, (block, name) => block with { Name = name })];
    }

    private protected override bool TargetsDeleted => Deleted;

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit)
    {
        IsOrdered = true,
        Present = result => LocalPath.Present(this, result),
    };

    /// <inheritdoc/>
    protected override void Begin()
    {
        if (Name.Any(block => block.HasStore)) throw ItemNameTransformationAttribute.ItemAsArgument();
        base.Begin();
        if (AsObject && Join)
            throw new StoreException(StoreError.InvalidArgument, "-AsObject returns an object for each value, but -Join makes one value of several. Specify only one of them.");
        if (Destination is not null) _destination = FindDestination(Destination);
        else if (Join && IsScript(nameof(Destination)))
            throw new StoreException(StoreError.InvalidArgument, "-Join writes all items to one file, but a script block returns a path for each. Specify the path of a file.");
    }

    private (string Path, bool IsFolder) FindDestination(string destination)
    {
        var path = LocalPath.ResolveAny(this, destination);
        var isFolder = destination.EndsWith('/') || destination.EndsWith(Path.DirectorySeparatorChar) || Directory.Exists(path);
        if (isFolder && Join)
            throw new StoreException(StoreError.InvalidArgument, $"'{destination}' is a folder, but -Join writes to one file. Specify the path of a file.", destination);
        LocalPath.CheckFolder(isFolder ? path : Path.GetDirectoryName(path)!);
        return (path, isFolder);
    }

    /// <inheritdoc/>
    protected override void End()
    {
        if (_joined.Count > 0) PostJoined();
        if (_only is { } only) PostFile(only, _destination!.Value.Path);
        base.End();
    }

    private protected override void Process(StoreLease store)
    {
        foreach (var block in Name)
        {
            if (block.Length < 0) WriteSkipError(NegativeLength(block));
            else if (Join) Add(Select(store, block));
            else Post(Select(store, block));
        }
    }

    private void Add(ItemPart part)
    {
        if (ParameterSetName == AsFile) _destination ??= FindDestination(Destination!);
        _joined.Add(part);
    }

    // Parameters on the command line take precedence over piped properties, as always.
    private ItemPart Select(StoreLease store, BorgStoreBlock block)
    {
        var bound = MyInvocation.BoundParameters;
        var givesLength = bound.ContainsKey(nameof(Length));
        var length = givesLength ? Length : block.IsItem ? null : block.Length;
        return new(store, block.Name, Deleted, new(bound.ContainsKey(nameof(Offset)) ? Offset : block.Offset, length),
            IsBlock: length is not null && !givesLength, block.IsItem ? block.Length : null);
    }

    private void Post(ItemPart part)
    {
        var batch = _batch;
        _batch = null;
        switch (ParameterSetName)
        {
            case AsOpenStream:
                var describe = MakeDescription(part);
                JobRunner.Post(part.Name, (output, token) => OpenAsync([part], output, stream => describe(part.Name, stream), token));
                break;
            case AsFile when _destination is (_, false):
                KeepOnly(part);
                break;
            case AsFile:
                PostFile(part, _destination ?? FindDestination(Destination!));
                break;
            case var _ when part.IsBlock:
                PostBlock(part, batch);
                break;
            default:
                var convert = MakeConverter(part);
                JobRunner.Post(part.Name, async (output, token) =>
                    await output.WriteAsync(convert(part.Name, await part.Store.Store.LoadAsync(part.Name, part.Range, part.Deleted, token))));
                break;
        }
    }

    private void PostBlock(ItemPart part, BlockBatch? batch)
    {
        if (batch?.TryAdd(part) == true)
        {
            _batch = batch;
            JobRunner.WriteReadyOutput();
            return;
        }
        var (convert, command) = (MakeConverter(part), MyInvocation.MyCommand.Name);
        var begun = _batch = new BlockBatch(part);
        JobRunner.Post(part.Name, (output, token) => begun.ReadAsync(
            output, convert, (e, name) => ErrorRecords.From(Explain(e, name, command), name), token));
    }

    // Creates the conversion from a name and bytes to the output, for parts of the same store.
    private Func<string, byte[], object> MakeConverter(ItemPart part)
    {
        var encoding = ParameterSetName == AsText ? Encoding : null;
        var describe = MakeDescription(part);
        return (name, bytes) => describe(name, encoding is null ? bytes : Decode(bytes, encoding));
    }

    private Func<string, object, object> MakeDescription(ItemPart part)
    {
        if (!AsObject) return (_, value) => value;
        var (deleted, store) = (part.Deleted, part.Store.Connection.Handle);
        return (name, value) => new BorgStoreItemContent(name, value, deleted, store);
    }

    private void PostJoined()
    {
        // Left-out input was already reported, and the rest is not what the caller wanted.
        if (LacksInput) return;
        var (kind, convert, path, force, command, throttle) = (ParameterSetName, MakeConverter(_joined[0]), _destination?.Path, Force.IsPresent, MyInvocation.MyCommand.Name, ThrottleLimit);
        JobRunner.Post(_joined[0].Name, async (output, token) =>
        {
            try
            {
                var parts = await MeasureAsync(_joined, throttle, token);
                if (kind == AsOpenStream)
                {
                    await OpenAsync(parts, output, stream => stream, token);
                    return;
                }
                await using var value = await JoinedStream.OpenAsync(parts, token);
                await output.WriteAsync(kind == AsFile
                    ? await AtomicFile.WriteAsync(path!, new ProgressStream(value, output), force, token)
                    : convert(parts[0].Name, await value.ReadToEndAsync(token)));
            }
            catch (StoreException e)
            {
                // Names the item at fault as the target, not the first one.
                await output.FailAsync(ErrorRecords.From(Explain(e, e.Name ?? "", command)));
            }
        });
    }

    private static async Task<ItemPart[]> MeasureAsync(List<ItemPart> parts, int throttle, CancellationToken cancellationToken)
    {
        var measured = parts.ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(0, measured.Length).Where(i => measured[i].Range.Length is null),
            new ParallelOptions { MaxDegreeOfParallelism = throttle, CancellationToken = cancellationToken },
            async (i, token) => measured[i] = await measured[i].MeasureAsync(token));
        return measured;
    }

    // The stream needs its own leases, because those of the pipeline end before it does.
    private static async Task OpenAsync(
        IReadOnlyList<ItemPart> parts, JobOutput output, Func<Stream, object> describe, CancellationToken cancellationToken)
    {
        var leases = new Dictionary<StoreConnection, StoreLease>();
        try
        {
            foreach (var connection in parts.Select(part => part.Store.Connection).Distinct())
                leases[connection] = await connection.LeaseAsync(cancellationToken);
            var value = parts is [var only] && !only.IsBlock
                ? await only.OpenAsync(leases[only.Store.Connection], cancellationToken)
                : await JoinedStream.OpenAsync([.. parts.Select(part => part with { Store = leases[part.Store.Connection] })], cancellationToken);
            var stream = new LeasedStream(value, [.. leases.Values]);
            leases.Clear();
            await output.WriteAsync(describe(stream));
        }
        finally
        {
            foreach (var lease in leases.Values) await lease.DisposeAsync();
        }
    }

    // If the destination is a single file, the first item waits until it is certain to be the only one.
    private void KeepOnly(ItemPart part)
    {
        if (_only is not null || Name.Length > 1)
            throw new StoreException(StoreError.InvalidArgument,
                $"More than one item would go to the file '{Destination}', so none was written. Specify a folder, with '/' at its end, or use -Join.", part.Name);
        _only = part;
    }

    private void PostFile(ItemPart part, (string Path, bool IsFolder) destination)
        => PostFile(part, destination.IsFolder ? ItemPath.Combine(destination.Path, part.Store.Store.Layout.KeyOf(part.Name)) : destination.Path);

    private void PostFile(ItemPart part, string path)
    {
        var force = Force.IsPresent;
        // Without -Force, the second item fails because the file exists.
        if (force && !_written.Add(path))
        {
            WriteError(new StoreException(StoreError.InvalidArgument,
                $"'{part.Name}' was not written: another item went to '{path}' just before and would be overwritten.", part.Name));
            return;
        }
        JobRunner.Post(part.Name, async (output, token) =>
        {
            await using var value = await part.OpenAsync(part.Store, token);
            await output.WriteAsync(await AtomicFile.WriteAsync(path, new ProgressStream(value, output), force, token));
        });
    }

    private static StoreException NegativeLength(BorgStoreBlock block) => new(StoreError.InvalidArgument,
        $"The block of '{block.Name}' has the length {block.Length}; it must not be negative.", block.Name);

    private static string Decode(byte[] bytes, Encoding encoding)
    {
        var mark = encoding.GetPreamble() is { Length: > 0 } own ? own : encoding is UTF8Encoding ? Encoding.UTF8.GetPreamble() : [];
        var start = mark.Length > 0 && bytes.AsSpan().StartsWith(mark) ? mark.Length : 0;
        return encoding.GetString(bytes, start, bytes.Length - start);
    }
}
