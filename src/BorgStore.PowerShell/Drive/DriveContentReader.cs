using System.Collections;
using System.Management.Automation.Provider;
using BorgStore.Backends;

namespace BorgStore.PowerShell.Drive;

/// <summary>Reads a value for <c>Get-Content</c> while it is loaded: as lines, one text, or bytes.</summary>
internal sealed class DriveContentReader(StoreCmdletProvider provider, ValueStream value, ReadContentParameters parameters) : IContentReader
{
    private const int BlockSize = 64 * 1024;
    private readonly StreamReader _text = new(value, parameters.Encoding, detectEncodingFromByteOrderMarks: true, BlockSize);
    private readonly byte[] _buffer = new byte[parameters.AsByteStream ? BlockSize : 0];
    private int _start;
    private int _end;
    private bool _isAtEnd;

    /// <summary>Reads lines or bytes, or all that is left if the number is not positive.</summary>
    public IList Read(long readCount)
    {
        var content = new ArrayList();
        if (_isAtEnd) return content;
        // The bytes of a stream that was left early belong to nobody; a failure becomes an error of the store, not of the provider.
        provider.Guard(() =>
        {
            if (parameters.Raw)
            {
                _isAtEnd = true;
                content.Add(parameters.AsByteStream ? provider.Wait(async token => await value.ReadToEndAsync(token)) : provider.Wait(async token => await _text.ReadToEndAsync(token)));
                return;
            }
            while ((readCount <= 0 || content.Count < readCount) && Next() is { } piece) content.Add(piece);
        });
        return content;
    }

    /// <summary>Cannot be done, as nothing reads a value from another position.</summary>
    public void Seek(long offset, SeekOrigin origin)
        => throw new StoreException(StoreError.NotSupported, "A value is read from its beginning here. Get-BorgStoreItemContent reads a part with -Offset and -Length.");

    public void Close() => value.Dispose();

    public void Dispose() => Close();

    private object? Next()
    {
        if (!parameters.AsByteStream)
        {
            var reading = _text.ReadLineAsync(CancellationToken.None);
            var line = reading.IsCompletedSuccessfully ? reading.Result : provider.Wait(token => reading.AsTask().WaitAsync(token));
            _isAtEnd = line is null;
            return line;
        }
        if (_start == _end)
        {
            (_start, _end) = (0, provider.Wait(async token => await value.ReadAsync(_buffer, token)));
            if (_end == 0)
            {
                _isAtEnd = true;
                return null;
            }
        }
        return _buffer[_start++];
    }
}
