using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Backends.Rclone;

/// <summary>A call that brings values along, as a browser sends files.</summary>
internal static class RcloneForm
{
    private const string Command = "operations/uploadfile";

    // Rclone does not know how long a value is. Streamed, one that is cut off is an error, while what it gathers first passes for
    // whole. The digest that it would compare is one of what it got, and the buffer of 16 MiB is for values that are not small.
    private static readonly string Settings = Uri.EscapeDataString(
        """{"StreamingUploadCutoff":0,"BufferSize":0,"SizeOnly":true,"IgnoreChecksum":true}""");

    /// <summary>Makes the call.</summary>
    /// <param name="remote">The remote.</param>
    /// <param name="directory">The directory there.</param>
    /// <param name="files">The values and their names, which are nothing but letters, digits and dots.</param>
    public static HttpRequestMessage Create(string remote, string directory, IReadOnlyList<(string Name, ReadOnlyMemory<byte> Value)> files)
    {
        // No value holds what nobody can guess.
        var boundary = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var heads = files.Select(file =>
            $"\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file.Name}\"\r\n\r\n").ToList();
        var end = $"\r\n--{boundary}--\r\n";

        var body = new byte[heads.Sum(head => head.Length) + files.Sum(file => file.Value.Length) + end.Length];
        var position = 0;
        for (var i = 0; i < files.Count; i++)
        {
            position += Encoding.ASCII.GetBytes(heads[i], body.AsSpan(position));
            files[i].Value.Span.CopyTo(body.AsSpan(position));
            position += files[i].Value.Length;
        }
        Encoding.ASCII.GetBytes(end, body.AsSpan(position));
        return new HttpRequestMessage(HttpMethod.Post,
            $"{Command}?_group={RcloneServer.Group}&_config={Settings}&fs={Uri.EscapeDataString(remote)}&remote={Uri.EscapeDataString(directory)}")
        {
            Content = new ByteArrayContent(body)
            {
                Headers = { ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}") },
            },
        };
    }
}
