using System.Collections;
using System.Diagnostics;
using System.Management.Automation;
using System.Management.Automation.Provider;
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
        if (!_isRefused) provider.Guard(() => Add(content));
        return content;
    }

    /// <summary>Refuses <c>Add-Content</c>, which seeks to the end first.</summary>
    public void Seek(long offset, SeekOrigin origin)
    {
        if (offset == 0 && origin == SeekOrigin.Begin) return;
        provider.Guard(() => throw Refuse(StoreError.NotSupported,
            $"Nothing was added to '{at.Path}': a value is only stored as a whole. Read it, and store the new one with Set-Content."));
    }

    /// <summary>Stores the value.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        if (_isRefused || IsAbandoned()) return;
        // PowerShell drops an exception here, but not an error record.
        provider.Guard(() =>
        {
            var store = at.Drive.Open();
            using var locked = at.Drive.Lock.Enter(provider, store, RepositoryChange.Add, at.Name);
            provider.Wait(async token => await store.StoreAsync(at.Name, new(_value.GetBuffer().AsMemory(0, (int)_value.Length)), cancellationToken: token));
        });
    }

    public void Dispose() => Close();

    // PowerShell also closes the writer when Ctrl-C or an error in the pipeline ended it, and what was written by then is not the value. Only the
    // method of the cmdlet that leads here tells the difference.
    private bool IsAbandoned()
    {
        if (provider.Stopping) return true;
        foreach (var frame in new StackTrace().GetFrames())
        {
            if (frame.GetMethod() is not { DeclaringType: { } type } method || !typeof(Cmdlet).IsAssignableFrom(type)) continue;
            if (method.Name is "EndProcessing" or "ProcessRecord") return false;
            if (method.Name == nameof(Dispose) && method.GetParameters().Length == 0) return true;
        }
        return false;
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
                    throw Refuse(StoreError.InvalidArgument, $"'{at.Path}' was not stored: with -AsByteStream a value is bytes; this is {ArgumentErrors.Describe(other)}.");
                case var other:
                    if (Begin(isText: true)) _value.Write(parameters.Encoding.GetPreamble());
                    else if (!parameters.NoNewline) _value.Write(parameters.Encoding.GetBytes("\n"));
                    _value.Write(parameters.Encoding.GetBytes(LanguagePrimitives.ConvertTo<string>(other) ?? ""));
                    break;
            }
            if (_value.Length > ValueArgument.GatherLimit)
                throw Refuse(StoreError.InvalidArgument,
                    $"'{at.Path}' was not stored: more than {ValueArgument.GatherLimit >> 20} MiB were written. Set-BorgStoreItem {at.Drive.Name}:/{at.Path} -Path stores a file of any size.");
        }
    }

    // Returns whether this is the first piece.
    private bool Begin(bool isText)
    {
        if (_isText is { } before && before != isText)
            throw Refuse(StoreError.InvalidArgument, $"'{at.Path}' was not stored: a value is either text or bytes, and both were written.");
        var isFirst = _isText is null;
        _isText = isText;
        return isFirst;
    }

    private StoreException Refuse(StoreError error, string why)
    {
        _isRefused = true;
        return new(error, why, at.Name);
    }
}
