using System.Management.Automation;
using System.Text;
using BorgStore.Backends;

namespace BorgStore.Commands;

/// <summary>Reads values: as bytes, as text, as streams or into files.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreItemContent", DefaultParameterSetName = AsBytes)]
[OutputType(typeof(byte[]), ParameterSetName = [AsBytes])]
[OutputType(typeof(string), ParameterSetName = [AsText])]
[OutputType(typeof(Stream), ParameterSetName = [AsOpenStream])]
[OutputType(typeof(FileInfo), ParameterSetName = [AsFile])]
public sealed class GetBorgStoreItemContentCommand : SelectedItemCommand
{
    private const string AsBytes = "Bytes";
    private const string AsText = "String";
    private const string AsOpenStream = "Stream";
    private const string AsFile = "File";
    private string? _folder;
    private string? _file;
    private (StoreLease Store, string Name, bool Deleted)? _only;

    [Parameter]
    public long Offset { get; set; }

    [Parameter]
    [ValidateRange(0, long.MaxValue)]
    public long Length { get; set; }

    // Not mandatory: -Encoding says enough by itself.
    [Parameter(ParameterSetName = AsText)]
    public SwitchParameter AsString { get; set; }

    [Parameter(ParameterSetName = AsText)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = EncodingTransformationAttribute.Default;

    [Parameter(Mandatory = true, ParameterSetName = AsOpenStream)]
    public SwitchParameter AsStream { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = AsFile)]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    [Parameter(ParameterSetName = AsFile)]
    public SwitchParameter Force { get; set; }

    private ByteRange Range => new(Offset, MyInvocation.BoundParameters.ContainsKey(nameof(Length)) ? Length : null);

    private protected override PumpOptions PumpOptions => new(ThrottleLimit)
    {
        IsOrdered = true, Present = ParameterSetName == AsFile ? result => LocalPath.Present(this, result) : null,
    };

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        if (ParameterSetName != AsFile) return;
        var path = LocalPath.ResolveAny(this, Destination);
        var isFolder = Destination.EndsWith('/') || Destination.EndsWith(Path.DirectorySeparatorChar) || Directory.Exists(path);
        if (isFolder) _folder = path;
        else _file = path;
        LocalPath.CheckFolder(_folder ?? Path.GetDirectoryName(path)!);
    }

    /// <inheritdoc/>
    protected override void End()
    {
        if (_only is var (store, name, deleted)) PostFile(store, name, deleted, _file!);
        base.End();
    }

    private protected override void Process(StoreLease store, string name)
    {
        var deleted = Deleted.IsPresent;
        var range = Range;
        switch (ParameterSetName)
        {
            case AsOpenStream:
                Pump.Post(name, (output, token) => OpenAsync(store, name, range, deleted, output, token));
                break;
            case AsFile:
                if (_folder is not null) PostFile(store, name, deleted, ItemPath.Combine(_folder, store.Store.Layout.KeyOf(name)));
                else KeepOnly(store, name, deleted);
                break;
            default:
                var encoding = ParameterSetName == AsText ? Encoding : null;
                Pump.Post(name, async (output, token) =>
                {
                    var bytes = await store.Store.LoadAsync(name, range, deleted, token);
                    await output.WriteAsync(encoding is null ? bytes : Decode(bytes, encoding));
                });
                break;
        }
    }

    // The stream has a lease of its own: the pipeline's ends before the stream does.
    private static async Task OpenAsync(
        StoreLease store, string name, ByteRange range, bool deleted, JobOutput output, CancellationToken cancellationToken)
    {
        var lease = await store.Connection.LeaseAsync(cancellationToken);
        try
        {
            var value = await lease.Store.OpenReadAsync(name, range, deleted, cancellationToken);
            var stream = new LeasedStream(value, lease);
            lease = null;
            await output.WriteAsync(stream);
        }
        finally
        {
            if (lease is not null) await lease.DisposeAsync();
        }
    }

    // With one file as the destination of all, the first item waits until it is certain that it is the only one.
    private void KeepOnly(StoreLease store, string name, bool deleted)
    {
        if (_only is not null || Name.Length > 1)
            throw new StoreException(StoreError.InvalidArgument,
                $"More than one item would go to the file '{_file}', so none was written. Give a folder, with '/' at its end.", name);
        _only = (store, name, deleted);
    }

    private void PostFile(StoreLease store, string name, bool deleted, string path)
    {
        var (range, force) = (Range, Force.IsPresent);
        Pump.Post(name, async (output, token) =>
        {
            await using var value = await store.Store.OpenReadAsync(name, range, deleted, token);
            await output.WriteAsync(await WholeFile.WriteAsync(path, new CountedStream(value, output), force, token));
        });
    }

    private static string Decode(byte[] bytes, Encoding encoding)
    {
        var mark = encoding.GetPreamble() is { Length: > 0 } own ? own : encoding is UTF8Encoding ? Encoding.UTF8.GetPreamble() : [];
        var start = mark.Length > 0 && bytes.AsSpan().StartsWith(mark) ? mark.Length : 0;
        return encoding.GetString(bytes, start, bytes.Length - start);
    }
}
