using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Provider;
using System.Text;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Drive;

/// <summary>Gathers what <c>Set-Content</c> writes, and stores it as one value at the end. Lines are joined by line feeds on all systems, with none at the
/// end, as <c>Set-BorgStoreItem</c> does.</summary>
internal sealed class DriveContentWriter(StoreCmdletProvider provider, DrivePath at, WriteContentParameters parameters) : IContentWriter
{
    private readonly MemoryStream _value = new();
    private bool? _isText;
    private bool _isRefused;
    private bool _isClosed;

    public IList Write(IList content)
    {
        if (!_isRefused) Add(content);
        return content;
    }

    /// <summary>Refuses <c>Add-Content</c>, which seeks to the end first.</summary>
    public void Seek(long offset, SeekOrigin origin)
    {
        if (offset == 0 && origin == SeekOrigin.Begin) return;
        throw Refuse($"Nothing was added to '{at.Path}': a value is stored as a whole, so that another writer's is never lost in between. Read it, and store the new one with Set-Content.");
    }

    /// <summary>Stores the value.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        if (_isRefused || IsPipelineStopping()) return;
        if (_isText == true && _value.Length == 0) _value.Write(parameters.Encoding.GetPreamble());
        // PowerShell drops an exception here, but not an error record.
        provider.Guard(() => provider.Wait(async token =>
            await at.Drive.Open().StoreAsync(at.Name, new(_value.GetBuffer().AsMemory(0, (int)_value.Length)), cancellationToken: token)));
    }

    public void Dispose() => Close();

    // PowerShell also closes the writer if an error, Ctrl-C or a command before this one ended the pipeline. What was written by then is not the value.
    private bool IsPipelineStopping()
    {
        try
        {
            provider.WriteProgress(new(at.GetHashCode(), nameof(Close), nameof(Close)) { RecordType = ProgressRecordType.Completed });
            return provider.Stopping;
        }
        catch (Exception e) when (e is PipelineStoppedException or InvalidOperationException)
        {
            return true;
        }
    }

    private void Add(IList content)
    {
        foreach (var piece in content)
        {
            switch (ValueArgument.Unwrap(piece))
            {
                case byte single:
                    Begin(isText: false);
                    _value.WriteByte(single);
                    break;
                case byte[] bytes:
                    Begin(isText: false);
                    _value.Write(bytes);
                    break;
                case IList list:
                    Add(list);
                    break;
                case var other when parameters.AsByteStream:
                    throw Refuse($"'{at.Path}' was not stored: with -AsByteStream a value is bytes; this is {ArgumentErrors.Describe(other)}.");
                case var other:
                    var isFirst = _isText is null;
                    Begin(isText: true);
                    if (isFirst) _value.Write(parameters.Encoding.GetPreamble());
                    else if (!parameters.NoNewline) _value.Write(parameters.Encoding.GetBytes("\n"));
                    _value.Write(parameters.Encoding.GetBytes(LanguagePrimitives.ConvertTo<string>(other) ?? ""));
                    break;
            }
            if (_value.Length > ValueArgument.GatherLimit)
                throw Refuse($"'{at.Path}' was not stored: more than {ValueArgument.GatherLimit >> 20} MiB were written. Set-BorgStoreItem {at.Drive.Name}:/{at.Path} -Path stores a file of any size.");
        }
    }

    private void Begin(bool isText)
    {
        if (_isText is { } before && before != isText) throw Refuse($"'{at.Path}' was not stored: a value is text or bytes, and both were written.");
        _isText = isText;
    }

    private StoreException Refuse(string why)
    {
        _isRefused = true;
        return new(StoreError.NotSupported, why, at.Name);
    }
}
