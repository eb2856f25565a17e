using System.Globalization;
using System.Management.Automation;
using System.Text;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts code pages and the encoding names that PowerShell knows to encodings.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class EncodingTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>The names that completion offers.</summary>
    internal static readonly string[] Names = ["utf8", "utf8BOM", "ascii", "ansi", "oem", "unicode", "bigendianunicode", "utf32"];

    /// <summary>UTF-8 without a byte order mark.</summary>
    internal static Encoding Default { get; } = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            null => null,
            Encoding encoding => encoding,
            int codePage => Find(codePage),
            string name => Find(name),
            _ => Reject($"An encoding must be a name, such as utf8, or a code page; this is {ArgumentErrors.Describe(inputData)}."),
        };

    private static Encoding Find(string name) => name.ToUpperInvariant() switch
    {
        "UTF8" or "UTF8NOBOM" or "DEFAULT" => Default,
        "UTF8BOM" => new UTF8Encoding(encoderShouldEmitUTF8Identifier: true),
        "ASCII" => Encoding.ASCII,
        "UNICODE" => Encoding.Unicode,
        "BIGENDIANUNICODE" => Encoding.BigEndianUnicode,
        "UTF32" => Encoding.UTF32,
        "BIGENDIANUTF32" => new UTF32Encoding(bigEndian: true, byteOrderMark: true),
        "ANSI" => Find(CultureInfo.CurrentCulture.TextInfo.ANSICodePage),
        "OEM" => Find(CultureInfo.CurrentCulture.TextInfo.OEMCodePage),
        _ when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var codePage) => Find(codePage),
        _ => FindOrReject(() => Encoding.GetEncoding(name)),
    };

    private static Encoding Find(int codePage)
        => FindOrReject(() => CodePagesEncodingProvider.Instance.GetEncoding(codePage) ?? Encoding.GetEncoding(codePage));

    private static UTF8Encoding Reject(string why) => RejectedArgument.Mark(new UTF8Encoding(), new(StoreError.InvalidArgument, why));

    private static Encoding FindOrReject(Func<Encoding> find)
    {
        try
        {
            return find();
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return Reject($"There is no such encoding. Use one of {string.Join(", ", Names)}, or a code page.");
        }
    }
}
